"""How long buyers waited, when they came at their own pace."""

import asyncio
import time

import pytest

from bench.waits import offer, waits


def test_waits_are_told_by_their_middle_and_their_end() -> None:
    found = waits("paid", [number / 1000 for number in range(1, 102)], unanswered=1)
    assert (found.p50_ms, found.p99_ms, found.max_ms) == pytest.approx((51, 100, 101))
    assert (found.count, found.unanswered) == (101, 1)


def test_nobody_waited_is_no_figure() -> None:
    with pytest.raises(ValueError, match="nobody waited: paid"):
        waits("paid", [])


async def test_who_comes_next_does_not_wait_for_who_came_before() -> None:
    waited: list[float] = []

    async def slow(_: int, due: float) -> None:
        await asyncio.sleep(0.2)
        waited.append(time.perf_counter() - due)

    began = time.perf_counter()
    await offer(range(10), 1000, slow)
    # One after another they would take two seconds.
    assert time.perf_counter() - began < 1.5
    assert len(waited) == 10
    assert min(waited) >= 0.2


async def test_a_stall_is_a_wait_of_each_who_came_meanwhile() -> None:
    waited: list[float] = []

    async def stall(number: int, due: float) -> None:
        if number == 0:
            time.sleep(0.3)  # noqa: ASYNC251 - a stall of the whole process
        waited.append(time.perf_counter() - due)

    await offer(range(3), 100, stall)
    assert waited == [pytest.approx(wait, abs=0.1) for wait in (0.3, 0.29, 0.28)]
    assert min(waited) > 0.2
