"""The queries of this package, by their names in `sql/flights`, and how they are run."""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from infra.group_commit import Flight
from infra.postgres.engine import Database, Driver

Key = TypeVar("Key", bound=Hashable)
Member = TypeVar("Member")
Answer = TypeVar("Answer")

_FOLDER = Path(__file__).parents[1] / "sql" / "flights"


def query(name: str) -> str:
    """Raises FileNotFoundError."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def on_a_connection(
    database: Database,
    carry: Callable[[Driver, Mapping[Key, Member]], Awaitable[Mapping[Key, Answer]]],
) -> Flight[Key, Member, Answer]:
    """A flight that does the same for whatever lane, each time on a connection of its own."""

    async def fly(_: Hashable, members: Mapping[Key, Member]) -> dict[Key, Answer | Exception]:
        async with database.driver() as driver:
            return dict(await carry(driver, members))

    return fly


@asynccontextmanager
async def planned_anew(driver: Driver) -> AsyncIterator[None]:
    """One transaction, each query of which is planned for the tables and arrays as they are.

    A plan that is kept was made for tables that were empty, or for another number of rows: it read
    the whole of a table for each member, and a flight took seconds.
    """
    async with driver.transaction():
        await driver.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        yield
