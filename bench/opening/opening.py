"""An opening with a hundred thousand people in one draw and in one queue, a third of them bots."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeVar

from redis.asyncio import Redis

from bench.opening.people import People
from bench.opening.pipelined import PipelinedRedis
from bench.opening.published import Verdict, verified
from bench.opening.report import SHOWN_WRONGS, DrawTimes, OpeningReport, RoomReport
from bench.opening.room import SimulatedRoom, each
from domain.draw import CommittedSeed, commitment_of, draw
from domain.room import RoomVerdict
from domain.sale import Admission
from infra.redis.keys import RoomKeys
from practice.stack.ports import free_port
from practice.stack.process import start, stop
from practice.stack.redis import RedisServer

# So many for each unit that chance alone gives bots a tenth more than their share hardly ever.
PEOPLE_PER_UNIT = 5
PEOPLE_PER_LONE_CLICK = 100
ASKED_AT_THE_END = 500

Made = TypeVar("Made")


class _Found(NamedTuple):
    verdict: Verdict
    times: DrawTimes | None = None


async def measure_opening(people: People, say: Callable[[str], None]) -> OpeningReport:
    """On a Redis of its own, with nobody else at it. `say` hears how far it is."""
    async with own_redis() as redis:
        rooms = [
            await play(redis, admission, people, say)
            for admission in (Admission.DRAW, Admission.QUEUE)
        ]
    return OpeningReport(rooms=tuple(rooms))


@asynccontextmanager
async def own_redis() -> AsyncIterator[Redis]:
    with TemporaryDirectory() as folder:
        server = RedisServer(Path(folder, "data"), free_port(), durable=False)
        running = await start(server, Path(folder, "log"), die_with_parent=True)
        redis = PipelinedRedis(running.address)
        try:
            yield redis
        finally:
            await redis.aclose()
            await stop(running)


async def play(
    redis: Redis, admission: Admission, people: People, say: Callable[[str], None], seed: int = 1
) -> RoomReport:
    """From the first click to the last unit. `seed`: of the clicks, not of the draw."""
    random = Random(seed)
    room = SimulatedRoom(redis, admission, people, people.count // PEOPLE_PER_UNIT)
    await room.open_()
    clicks = people.clicks(admission, random)
    empty = await _memory(redis)
    await redis.config_resetstat()
    say(f"{admission}: {people.count:,} come, and click {len(clicks):,} times")
    took, _ = await _timed(room.joined_by(clicks))
    redis_us = (await redis.info("commandstats"))["cmdstat_evalsha"]["usec_per_call"]
    with_line = await _memory(redis)
    # Where all is as it should be, the worker has written these down meanwhile.
    await redis.delete(RoomKeys.of(room.item).joins)
    full = await _memory(redis)
    lone = await _lone_clicks(room, random)
    say(f"{admission}: joined in {took:.1f} s, {redis_us:.0f} µs each in Redis; it starts")
    await room.start()
    found = await (_drawn(room) if admission is Admission.DRAW else _lined_up(room))
    say(f"{admission}: {found.verdict.says}; {room.units:,} units are served")
    await room.serve()
    asked, over = await _told_at_the_end(room, random)
    return RoomReport(
        admission=admission,
        people=people.count,
        bots=people.bots,
        units=room.units,
        clicks=len(clicks),
        tickets=len(room.indexes),
        joins_per_second=len(clicks) / took,
        redis_us=redis_us,
        lone_ms=lone,
        ticket_bytes=(full - empty) / people.count,
        line_bytes=(with_line - full) / people.count,
        times=found.times,
        sold=len(room.served),
        sold_to_bots=sum(map(people.is_bot, room.served)),
        asked_at_the_end=asked,
        told_over=over,
        places_hold=found.verdict.holds,
        places=found.verdict.says,
        wrong=tuple(room.wrong[:SHOWN_WRONGS]),
    )


async def _drawn(room: SimulatedRoom) -> _Found:
    secret = Random(str(time.time_ns())).randbytes(32)
    seed = CommittedSeed(seed=secret, commitment=commitment_of(secret))
    pool_seconds, pool = await _timed(room.pool())
    draw_seconds, drawn = await _timed(asyncio.to_thread(draw, seed, pool.leaves))
    fix_seconds, _ = await _timed(room.fix_places(drawn.digest, drawn.places))
    places = await room.places()
    verify_seconds, verdict = await _timed(
        verified(room.item, seed, digest=drawn.digest, leaves=pool.leaves, places=places)
    )
    times = DrawTimes(pool=pool_seconds, draw=draw_seconds, fix=fix_seconds, verify=verify_seconds)
    return _Found(verdict, times)


async def _lined_up(room: SimulatedRoom) -> _Found:
    """Nobody draws in a queue: places are the order of coming, each given once."""
    places = sorted(room.indexes.values())
    holds = places == list(range(room.people.count))
    return _Found(Verdict(holds=holds, says="each place once" if holds else "places are missing"))


async def _told_at_the_end(room: SimulatedRoom, random: Random) -> tuple[int, int]:
    """How many of those who got nothing were asked, and how many of them heard that it is over."""
    left = sorted(room.indexes.keys() - set(room.served))
    asked = random.sample(left, min(ASKED_AT_THE_END, len(left)))
    heard: list[RoomVerdict] = []

    async def ask(number: int) -> None:
        heard.append((await room.ask(number)).verdict)

    await each(asked, ask)
    return len(asked), heard.count(RoomVerdict.OVER)


async def _lone_clicks(room: SimulatedRoom, random: Random) -> tuple[float, float]:
    """Milliseconds, p50 and p99, of clicks that come one after another."""
    seconds: list[float] = []
    count = max(1, room.people.count // PEOPLE_PER_LONE_CLICK)
    for number in random.choices(range(room.people.count), k=count):
        seconds += await room.joined_by([number])
    seconds.sort()
    p50, p99 = (1000 * seconds[int(share * (len(seconds) - 1))] for share in (0.5, 0.99))
    return p50, p99


async def _timed(work: Awaitable[Made]) -> tuple[float, Made]:
    began = time.perf_counter()
    made = await work
    return time.perf_counter() - began, made


async def _memory(redis: Redis) -> int:
    return int((await redis.info("memory"))["used_memory"])
