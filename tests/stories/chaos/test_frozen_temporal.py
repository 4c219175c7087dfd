"""Temporal stands still in the middle of a rush: orders are placed and paid all the same, and
everything that waited for it runs when it goes on."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.frozen import frozen
from tests.support.kill9 import RushSize, rush
from tests.support.polling import until
from tests.support.sale_progress import Progress, SaleWatch

SMALL = RushSize(buyers=120, units=40, seconds=6.0, pay_window=60, settle=150)
FROZEN_SECONDS = 12.0


@pytest.mark.servers
@pytest.mark.long
@pytest.mark.timeout(420)
async def test_accepted_orders_are_payable_and_paid_while_temporal_stands_still(
    tmp_path: Path,
) -> None:
    seckill = CommandLine(tmp_path / "home")
    try:
        stack = await seckill.up()
        rushing = asyncio.create_task(rush(seckill, SMALL, tmp_path / "rush.json"))
        try:
            async with SaleWatch.on(stack) as watch:
                await until(lambda: _some_are_accepted(watch), "the rush", every=0.01)
                with frozen(stack["pids"]["temporal"]):
                    meanwhile = await until(lambda: _all_are_placed(watch), "orders without it")
                    await until(lambda: _more_are_paid(watch, meanwhile), "money without it")
                    await asyncio.sleep(FROZEN_SECONDS)
                    later = await watch.now()
            ended = await rushing
        finally:
            rushing.cancel()
            with suppress(asyncio.CancelledError):
                await rushing
        audit = await seckill.run("audit", "--whole")
    finally:
        await seckill.down()

    assert isinstance(meanwhile, Progress)
    assert meanwhile.placed >= SMALL.units
    # It stood still indeed: none of those that waited for it was started.
    assert meanwhile.queued > 0
    assert later is not None
    assert later.queued >= meanwhile.queued
    assert later.paid > meanwhile.paid
    assert ended.code == 0, (ended.out, ended.err)
    assert audit.code == 0, audit.out


async def _some_are_accepted(watch: SaleWatch) -> bool:
    seen = await watch.now()
    return seen is not None and 0 < seen.accepted < SMALL.units


async def _all_are_placed(watch: SaleWatch) -> Progress | None:
    """Once all units are spoken for."""
    seen = await watch.now()
    if seen is None or seen.accepted < SMALL.units or seen.placed < seen.accepted:
        return None
    return seen


async def _more_are_paid(watch: SaleWatch, before: Progress) -> bool:
    seen = await watch.now()
    return seen is not None and seen.paid > before.paid
