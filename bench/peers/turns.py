"""The contenders take turns, round by round: a slow minute of the machine hits all of them."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence

import psutil

from bench.cpu import CpuWatch
from bench.figures import BENCH, Round
from bench.peers.contender import Contender
from bench.peers.report import PeersPlan, Turn

POLL_SECONDS = 0.02
STAGE_SECONDS_AT_MOST = 300.0
WARM_UP_ORDERS = 64


async def take_turns(contenders: Sequence[Contender], plan: PeersPlan) -> dict[str, list[Turn]]:
    """Each contender's turns, by its name. Raises TimeoutError when one gets nowhere."""
    for one in contenders:
        await _turn(one, min(WARM_UP_ORDERS, plan.orders))
    turns: dict[str, list[Turn]] = {one.name: [] for one in contenders}
    for _ in range(plan.rounds):
        for one in contenders:
            turns[one.name].append(await _turn(one, plan.orders * one.times))
    return turns


async def _turn(contender: Contender, orders: int) -> Turn:
    await contender.open_sale(orders)
    placing, others_placing = await _timed(contender, orders, contender.click, "placed")
    await contender.begin()
    paying, others_paying = await _timed(
        contender, orders, lambda: contender.tell_paid(set()), "paid"
    )
    # What is left of one turn must not burden the next.
    await contender.settle_down()
    return Turn(placing=placing, paying=paying, others=(others_placing + others_paying) / 2)


async def _timed(
    contender: Contender, orders: int, work: Callable[[], Awaitable[None]], stage: str
) -> tuple[Round, float]:
    """How quickly all orders reach the stage, and how many processors others took meanwhile."""
    load = {f"load {pid}": pid for pid in (os.getpid(), *contender.load_pids())}
    watch, busy, began = CpuWatch({**contender.pids(), **load}), _busy_seconds(), _now()
    async with asyncio.timeout(STAGE_SECONDS_AT_MOST):
        await work()
        while getattr(await contender.progress(), stage) < orders:  # noqa: ASYNC110 - other processes
            await asyncio.sleep(POLL_SECONDS)
    elapsed, shares = _now() - began, watch.shares()
    others = (_busy_seconds() - busy) / elapsed - sum(shares.values())
    cpu = {name: share for name, share in shares.items() if name not in load}
    cpu[BENCH] = sum(shares[name] for name in load)
    return Round(per_second=orders / elapsed, cpu=cpu), max(0.0, others)


def _now() -> float:
    return time.perf_counter()


def _busy_seconds() -> float:
    """Of all processors since the machine's start, whoever had them."""
    times = psutil.cpu_times()
    waits = times.idle + getattr(times, "iowait", 0.0)
    # What guests take is in `user` already.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return sum(times) - waits - guests
