"""kill -9 of a contender's worker, in the middle of placing and in the middle of paying.

Nobody starts a worker again by itself, here or there: the test does. The provider tells again only
what was not acknowledged.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from bench.peers.contender import Contender, Progress
from bench.peers.report import Survival, lost_and_doubled

POLL_SECONDS = 0.02
# The worker dies when this share of its orders is through.
MIDDLE = 1 / 3
DEAD_SECONDS = 1.0
BACK_WITHIN_SECONDS = 60.0
TELLING_SECONDS_AT_MOST = 20.0
# What an engine took in and repeats by itself is through after that.
PATIENCE_SECONDS = 3.0


async def kill_in_the_middle(contender: Contender, orders: int) -> Survival:
    """One sale of `orders`, during which two workers die."""
    await contender.open_sale(orders)
    placed_at_kill, placing_back = await _kill_while_placing(contender, orders)
    await contender.begin()
    told: set[str] = set()
    paid_at_kill, paying_back = await _kill_while_paying(contender, orders, told)
    await asyncio.sleep(PATIENCE_SECONDS)
    unacknowledged = orders - (await contender.progress()).paid
    await contender.tell_paid(told)
    await _seconds_until(contender, lambda it: it.paid >= orders)
    with suppress(TimeoutError):
        await contender.settle_down()
    ended = await contender.ended_as()
    lost, doubled = lost_and_doubled(ended, orders)
    return Survival(
        name=contender.name,
        orders=orders,
        placed_at_kill=placed_at_kill,
        paid_at_kill=paid_at_kill,
        placing_back_seconds=placing_back,
        paying_back_seconds=paying_back,
        unacknowledged=unacknowledged,
        lost=lost,
        doubled=doubled,
        left_behind=ended.held + ended.reservations_held,
    )


async def _kill_while_placing(contender: Contender, orders: int) -> tuple[int, float | None]:
    clicking = asyncio.create_task(contender.click())
    await _seconds_until(contender, lambda it: it.placed >= orders * MIDDLE)
    await contender.kill_worker()
    await clicking
    await asyncio.sleep(DEAD_SECONDS)
    at_kill = (await contender.progress()).placed
    back = await _start_and_wait(contender, lambda it: it.placed >= orders)
    return at_kill, back


async def _kill_while_paying(
    contender: Contender, orders: int, told: set[str]
) -> tuple[int, float | None]:
    """`told` then has all whose notice was acknowledged, before or after the death."""
    telling = asyncio.create_task(contender.tell_paid(told))
    await _seconds_until(contender, lambda it: it.paid >= orders * MIDDLE)
    await contender.kill_worker()
    with suppress(ConnectionError, TimeoutError):
        await asyncio.wait_for(telling, TELLING_SECONDS_AT_MOST)
    await asyncio.sleep(DEAD_SECONDS)
    at_kill = (await contender.progress()).paid
    back = await _start_and_wait(contender, lambda it: it.paid >= len(told))
    return at_kill, back


async def _start_and_wait(
    contender: Contender, reached: Callable[[Progress], bool]
) -> float | None:
    began = time.perf_counter()
    await contender.start_worker()
    waited = await _seconds_until(contender, reached)
    return None if waited is None else round(time.perf_counter() - began, 2)


async def _seconds_until(contender: Contender, reached: Callable[[Progress], bool]) -> float | None:
    """None when it is not within a minute."""
    began = time.perf_counter()
    while time.perf_counter() - began < BACK_WITHIN_SECONDS:
        if reached(await contender.progress()):
            return time.perf_counter() - began
        await asyncio.sleep(POLL_SECONDS)
    return None
