"""Temporal is told as fast as it takes it, and left alone while it is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from temporalio.service import RPCError, RPCStatusCode

from dispatching.starter import AT_ONCE, Pace, Starter
from domain.reservation import Intent
from infra.redis.intent_entries import IntentEntry
from infra.redis.intent_groups import Group
from infra.redis.stock_gate import StockGate
from tests.support.gate import Backlog, backlog_of, eventually, put_in_stream
from tests.support.intent_groups import reading
from tests.support.many_clicks import accept_many


class Temporal:
    """Away until told otherwise."""

    def __init__(self) -> None:
        self.is_away = False
        self.asked = 0
        self.at_once = self.most_at_once = 0
        self.started: set[str] = set()

    async def start_order(self, intent: Intent) -> None:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0.002)
            if self.is_away:
                raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
            self.started.add(intent.order_id)
        finally:
            self.at_once -= 1


async def nobody_is_buried(entry: IntentEntry, error: str) -> bool:
    raise AssertionError(f"{entry} was buried: {error}")


@asynccontextmanager
async def starting(
    redis: Redis, temporal: Temporal, placed: asyncio.Event | None = None
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    if placed is None:
        placed = asyncio.Event()
        placed.set()
    starter = Starter(reading(redis, Group.START), temporal, nobody_is_buried, placed)
    run = asyncio.create_task(starter.run(stop))
    try:
        yield
    finally:
        stop.set()
        await run


async def test_the_first_sign_of_absence_stops_all_telling(redis: Redis) -> None:
    order_ids = await accept_many(StockGate(redis), 300)
    temporal = Temporal()
    temporal.is_away = True
    async with starting(redis, temporal):
        await eventually(lambda: backlog_of(redis), lambda left: left.pending >= AT_ONCE)
        await asyncio.sleep(1.0)
        # All that was under way at that moment, and then one at a time.
        assert AT_ONCE <= temporal.asked <= AT_ONCE + 8
        assert await backlog_of(redis) == Backlog(waiting=300, pending=AT_ONCE, dead=0)

        temporal.is_away, temporal.most_at_once = False, 0
        left = await eventually(lambda: backlog_of(redis), lambda left: left.waiting == 0)

    assert left == Backlog(waiting=0, pending=0, dead=0)
    assert temporal.started == set(order_ids)
    assert temporal.most_at_once <= AT_ONCE


async def test_none_is_started_while_others_wait_to_be_placed_and_then_all_are(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatching.starter.GIVES_WAY_SECONDS", 600.0)
    order_ids = await accept_many(StockGate(redis), 100)
    temporal, placed = Temporal(), asyncio.Event()
    async with starting(redis, temporal, placed):
        await eventually(lambda: backlog_of(redis), lambda left: left.pending >= AT_ONCE)
        assert temporal.asked == 0

        placed.set()
        await eventually(lambda: backlog_of(redis), lambda left: left.waiting == 0)

    assert temporal.started == set(order_ids)


async def test_placing_that_never_ends_keeps_nobody_from_being_started(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatching.starter.GIVES_WAY_SECONDS", 0.001)
    order_ids = await accept_many(StockGate(redis), 100)
    async with starting(redis, temporal := Temporal(), asyncio.Event()):
        await eventually(lambda: backlog_of(redis), lambda left: left.waiting == 0)

    assert temporal.started == set(order_ids)


async def test_what_says_no_order_is_left_to_who_buries(redis: Redis) -> None:
    await put_in_stream(redis, {"junk": "1"})
    async with starting(redis, temporal := Temporal()):
        await eventually(lambda: backlog_of(redis), lambda left: left.pending == 1)
        await asyncio.sleep(0.1)
    assert temporal.asked == 0
    assert await backlog_of(redis) == Backlog(waiting=1, pending=1, dead=0)


class TestPace:
    def test_many_that_fail_at_one_moment_are_one_sign(self) -> None:
        pace = Pace(64)
        for _ in range(64):
            pace.absent(TimeoutError())
        assert 0 < pace.seconds_to_wait <= 0.1
        assert pace.allowed == 1

    def test_each_answer_lets_one_more_go(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("dispatching.starter.backoff", lambda _: 0.0)
        pace = Pace(4)
        pace.absent(TimeoutError())
        seen = []
        for _ in range(5):
            seen.append(pace.allowed)
            pace.answered()
        assert seen == [1, 2, 3, 4, 4]

    def test_an_answer_to_what_was_sent_before_tells_nothing(self) -> None:
        pace = Pace(4)
        pace.absent(TimeoutError())
        pace.answered()
        assert pace.allowed == 1
