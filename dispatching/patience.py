"""Which errors are a server's and not an entry's, and how long to wait for it."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import asyncpg
import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError, RPCStatusCode

from infra.background import ended
from infra.group_commit import Fault, Overloaded
from infra.postgres.flights.blame import blame
from infra.redis.intent_groups import IntentGroup

log = structlog.get_logger()

_UNREGISTERED = "no mapping defined for search attribute"
ERROR_CHARACTERS = 200
BACKOFF_FIRST_SECONDS, BACKOFF_LONGEST_SECONDS = 0.1, 5.0
ATTEMPTS_PER_LOG = 12


def temporal_is_away(error: Exception) -> bool:
    """Whether Temporal is to blame and not the entry. temporalio says RuntimeError for a lazy
    client that cannot connect."""
    if isinstance(error, RPCError):
        # One that lost its database knows the names we search by no more, until a worker's next
        # look registers them again: no entry is to be given up for that.
        return error.status is not RPCStatusCode.INVALID_ARGUMENT or _UNREGISTERED in str(error)
    return isinstance(error, RuntimeError | TimeoutError | OSError)


def store_is_away(error: Exception) -> bool:
    """Whether Redis or Postgres is to blame and not what was said to it."""
    if isinstance(error, RedisError | Overloaded | RuntimeError):
        return True
    of_postgres = SQLAlchemyError | asyncpg.PostgresError | asyncpg.InterfaceError
    of_the_network = OSError | TimeoutError
    return isinstance(error, of_postgres | of_the_network) and blame(error) is not Fault.A_MEMBER


@asynccontextmanager
async def living(group: IntentGroup) -> AsyncIterator[None]:
    """Within it what the group's consumer has taken is its own; after it, anybody's."""
    breathing = asyncio.create_task(group.stay_alive())
    try:
        yield
    finally:
        # Before it leaves: one more breath would keep what it had in hand from the others.
        await ended(breathing)
        with suppress(RedisError):
            await group.leave()


async def keep_on(stop: asyncio.Event, step: Callable[[], Awaitable[None]]) -> None:
    """Repeat the step until `stop`, more slowly while a store that it needs is away."""
    failed = 0
    while not stop.is_set():
        try:
            await step()
            failed = 0
        except Exception as error:
            if not store_is_away(error):
                raise
            if failed % ATTEMPTS_PER_LOG == 0:
                log.warning("intents_unreadable", error=repr(error)[:ERROR_CHARACTERS])
            await pause(stop, backoff(failed))
            failed += 1


def backoff(attempt: int) -> float:
    longest = min(BACKOFF_FIRST_SECONDS * 2 ** min(attempt, 10), BACKOFF_LONGEST_SECONDS)
    # At random, or all processes come back to a server that has just risen at one moment.
    return random.uniform(longest / 2, longest)  # noqa: S311


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Or until `stop`, whichever comes first."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
