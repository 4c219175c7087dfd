"""A worker stands still in the middle of a rush, beside another one, and goes on much later with
what it had in hand: by then somebody else has done it."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.frozen import another_worker, frozen
from tests.support.kill9 import RushSize, rush
from tests.support.polling import until
from tests.support.sale_progress import SaleWatch

SMALL = RushSize(buyers=120, units=40, seconds=4.0, pay_window=45, settle=150)


@pytest.mark.servers
@pytest.mark.long
@pytest.mark.timeout(420)
async def test_a_worker_that_stood_still_does_no_harm_when_it_goes_on(tmp_path: Path) -> None:
    seckill = CommandLine(tmp_path / "home")
    try:
        stack = await seckill.up()
        first = stack["pids"]["worker"]
        async with another_worker(first, tmp_path / "second.log") as second:
            rushing = asyncio.create_task(rush(seckill, SMALL, tmp_path / "rush.json"))
            try:
                async with SaleWatch.on(stack) as watch:
                    await watch.until_in_the_middle(SMALL.units, starting=True)
                    with frozen(first):
                        # What it had claimed is claimed by the other, and its stories go on there.
                        await until(watch.all_placed, "what the frozen one had in hand")
                        over = await watch.over()
                        await until(lambda: _is_above(watch, over), "orders that end meanwhile")
                    with frozen(second):
                        over = await watch.over()
                        await until(lambda: _is_above(watch, over), "the first one at work again")
                ended = await rushing
            finally:
                rushing.cancel()
                with suppress(asyncio.CancelledError):
                    await rushing
        audit = await seckill.run("audit", "--whole")
    finally:
        await seckill.down()

    assert ended.code == 0, (ended.out, ended.err)
    assert audit.code == 0, audit.out


async def _is_above(watch: SaleWatch, over: int) -> bool:
    """More orders have ended, or there is none left that could."""
    seen = await watch.now()
    all_over = seen is not None and seen.unpaid == 0 and seen.placed >= seen.accepted
    return all_over or await watch.over() > over
