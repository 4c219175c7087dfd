"""How many accepted orders wait for their workflow, and how long that will take."""

import time
from collections.abc import Callable
from typing import NamedTuple

from redis.asyncio import Redis

from infra.redis.keys import HEALTHY_RATE, STARTED
from infra.redis.live_streams import LiveStreams
from infra.single_flight import SingleFlight

# A rush shorter than this is over before anybody could measure how fast it goes.
LEAST_ENTRIES = 2_000
# Before anything was ever started: what one small machine does in its worst hour.
ASSUMED_PER_SECOND = 50.0
# A second that is slower than those before counts so much: while everybody clicks, the clicks take
# the processors, and what is started then says little of how fast it goes when they are over.
SLOWER_SHARE = 0.02


class _Count(NamedTuple):
    waiting: int
    started: int
    at: float


class Depth(NamedTuple):
    """`waiting` entries in all streams, and for how long the first of them has."""

    waiting: int
    oldest_seconds: float


class Backlog:
    """Raises `redis.exceptions.RedisError` when Redis is away."""

    def __init__(self, redis: Redis, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._redis = redis
        self._streams = LiveStreams.of(redis)
        self._looks: SingleFlight[None, tuple[int, float]] = SingleFlight(1)
        self._depths: SingleFlight[None, Depth] = SingleFlight(1)
        self._last: _Count | None = None

    async def seconds_to_go(self) -> float:
        """How long what waits would take at the last healthy rate: a second in which nothing was
        started tells nothing of that. 0 for a backlog that is none. At most a second old."""
        waiting, per_second = await self._looks.get(None, self._look)
        return waiting / per_second if waiting > LEAST_ENTRIES else 0.0

    async def depth(self) -> Depth:
        """At most a second old."""
        return await self._depths.get(None, self._measure)

    async def _measure(self) -> Depth:
        waiting, oldest_ms = await self._streams.entries(), await self._streams.oldest_ms()
        seconds, micros = await self._redis.time()
        now_ms = seconds * 1000 + micros // 1000
        return Depth(waiting, 0.0 if oldest_ms is None else max(now_ms - oldest_ms, 0) / 1000)

    async def _look(self) -> tuple[int, float]:
        waiting = await self._streams.entries()
        started, kept = await self._redis.mget(STARTED, HEALTHY_RATE)
        count = _Count(waiting, int(started or 0), self._clock())
        before, self._last = self._last, count
        rate = float(kept) if kept else ASSUMED_PER_SECOND
        if before and (newest := _rate_between(before, count)):
            rate = max(newest, rate + SLOWER_SHARE * (newest - rate))
            # For a process that is started in the middle of an outage.
            await self._redis.set(HEALTHY_RATE, f"{rate:.1f}")
        return waiting, rate


def _rate_between(before: _Count, now: _Count) -> float | None:
    """None where it says nothing of how fast it could go: none was started, or all of them."""
    started = now.started - before.started
    if started <= 0 or not (before.waiting and now.waiting):
        return None
    return started / max(now.at - before.at, 0.001)
