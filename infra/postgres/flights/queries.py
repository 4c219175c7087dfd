"""The queries of this package, by their names in `sql/flights`, and how they are run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from infra.postgres.engine import Driver

_FOLDER = Path(__file__).parents[1] / "sql" / "flights"


def query(name: str) -> str:
    """Raises FileNotFoundError."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


@asynccontextmanager
async def planned_anew(driver: Driver) -> AsyncIterator[None]:
    """One transaction, each query of which is planned for the tables and arrays as they are.

    A plan that is kept was made for tables that were empty, or for another number of rows: it read
    the whole of a table for each member, and a flight took seconds.
    """
    async with driver.transaction():
        await driver.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        yield
