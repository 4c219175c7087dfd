"""Small rushes, one after another, for as long as a block lasts: so that orders are in every stage
whenever something is struck."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console

from practice.rush.plan import RushPlan, StackAddress
from practice.rush.report import RushReport
from practice.rush.scenario import rush
from practice.stack.stack_file import StackFile

WAVE_SECONDS = 6.0
# A machine that is slow must not get more of them at once.
MOST_AT_ONCE = 2
WAVE = RushPlan(
    buyers=36,
    units=24,
    seconds=WAVE_SECONDS,
    arriving=0.9 * WAVE_SECONDS,
    pay_window=8,
    lost_notices=0.1,
    settle_seconds=150,
    tolerant=True,
)


@asynccontextmanager
async def waves(stack: StackFile) -> AsyncIterator[list[RushReport]]:
    """The reports are there when the block has ended, with which the last wave begins no more."""
    running: list[asyncio.Task[RushReport]] = []
    reports: list[RushReport] = []
    rolling = asyncio.create_task(_roll(stack, running))
    try:
        yield reports
        rolling.cancel()
        reports += await asyncio.gather(*running)
    finally:
        ours = (rolling, *running)
        for task in ours:
            task.cancel()
        await asyncio.gather(*ours, return_exceptions=True)


async def _roll(stack: StackFile, running: list[asyncio.Task[RushReport]]) -> None:
    address = StackAddress.model_validate(stack.model_dump())
    while True:
        plan = WAVE.model_copy(update={"seed": len(running) + 1})
        unseen = Console(quiet=True, force_terminal=False)
        running.append(asyncio.create_task(rush(plan, address, unseen)))
        # The next one comes before this one is over: there is hardly a moment without buyers.
        await asyncio.sleep(WAVE_SECONDS)
        while len(unfinished := [task for task in running if not task.done()]) >= MOST_AT_ONCE:
            await asyncio.wait(unfinished, return_when=asyncio.FIRST_COMPLETED)
