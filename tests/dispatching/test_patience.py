import asyncio

import pytest
from asyncpg import DataError, DeadlockDetectedError, InterfaceError
from redis.exceptions import ConnectionError as RedisAway
from temporalio.service import RPCError, RPCStatusCode

from dispatching.patience import (
    BACKOFF_LONGEST_SECONDS,
    backoff,
    keep_on,
    pause,
    store_is_away,
    temporal_is_away,
)
from infra.group_commit import Overloaded

UNREGISTERED = "Namespace default has no mapping defined for search attribute SaleId"


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (RedisAway("gone"), True),
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (InterfaceError("closed"), True),
        (DeadlockDetectedError("again"), True),
        (Overloaded("many"), True),
        (DataError("out of range"), False),
        (ValueError("nonsense"), False),
    ],
)
def test_an_entry_is_not_to_blame_for_a_store(error: Exception, away: bool) -> None:
    assert store_is_away(error) is away


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (RPCError("gone", RPCStatusCode.UNAVAILABLE, b""), True),
        (RPCError("slow", RPCStatusCode.DEADLINE_EXCEEDED, b""), True),
        (RuntimeError("Failed client connect"), True),
        (RPCError("too long", RPCStatusCode.INVALID_ARGUMENT, b""), False),
        (RPCError(UNREGISTERED, RPCStatusCode.INVALID_ARGUMENT, b""), True),
        (ValueError("nonsense"), False),
    ],
)
def test_an_entry_is_not_to_blame_for_temporal(error: Exception, away: bool) -> None:
    assert temporal_is_away(error) is away


def test_each_wait_is_longer_up_to_a_bound() -> None:
    waits = [backoff(attempt) for attempt in (0, 3, 50)]

    assert waits == sorted(waits)
    assert waits[-1] <= BACKOFF_LONGEST_SECONDS


async def test_a_stop_ends_the_wait() -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(pause(stop, 60))
    await asyncio.sleep(0)
    stop.set()

    await asyncio.wait_for(waiting, 30)


async def test_a_store_that_is_away_is_asked_again_until_it_is_there() -> None:
    stop, asked = asyncio.Event(), 0

    async def step() -> None:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise ConnectionRefusedError
        stop.set()

    await asyncio.wait_for(keep_on(stop, step), 5)
    assert asked == 3


async def test_a_bug_is_no_outage() -> None:
    async def step() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await keep_on(asyncio.Event(), step)
