"""kill -9 of what carries accepted orders on, while buyers keep clicking."""

import asyncio
import time

from bench.buyers import Order
from bench.figures import BenchPlan
from bench.instruments import Instruments
from bench.report import RecoveryReport
from bench.rows import OrderWatch, Stage
from bench.stack import CARRIERS
from domain.sale import ItemRef

CLICKING_SECONDS_BEFORE = 2.0
SECONDS_AT_MOST = 120.0
LOOK_SECONDS = 0.01

Clicks = list[tuple[float, Order, asyncio.Future[float]]]


class RecoveryBench:
    def __init__(self, instruments: Instruments, plan: BenchPlan) -> None:
        self._at = instruments
        self._plan = plan

    async def measure(self) -> RecoveryReport:
        stock = round(self._plan.rate * (CLICKING_SECONDS_BEFORE + SECONDS_AT_MOST)) + 1
        item = await self._at.open_sale(stock)
        watch, clicks = OrderWatch(self._at.rows), Clicks()
        async with asyncio.timeout(SECONDS_AT_MOST):
            running = [
                asyncio.create_task(watch.run()),
                asyncio.create_task(self._click_on(item, watch, clicks)),
            ]
            try:
                report = await self._kill(clicks, running[-1])
            finally:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)
        # Else they would wait for their payment through all that is measured next.
        await self._at.carry_through(item, [order for _, order, _ in clicks])
        return report

    async def _kill(self, clicks: Clicks, clicking: asyncio.Task[None]) -> RecoveryReport:
        await asyncio.sleep(CLICKING_SECONDS_BEFORE)
        killed = time.perf_counter()
        await self._at.stack.kill_carriers()
        ready = asyncio.create_task(self._start_again())
        while not _placed_again(clicks, killed):  # noqa: ASYNC110 - clicks come and are placed
            await asyncio.sleep(LOOK_SECONDS)
        again = min(_placed_again(clicks, killed))
        clicking.cancel()
        last = max(await asyncio.gather(*(payable for _, _, payable in clicks)))
        return RecoveryReport(
            killed=CARRIERS,
            clicks=len(clicks),
            ready_seconds=await ready - killed,
            placing_seconds=again - killed,
            caught_up_seconds=last - killed,
        )

    async def _start_again(self) -> float:
        await self._at.stack.start_carriers()
        return time.perf_counter()

    async def _click_on(self, item: ItemRef, watch: OrderWatch, clicks: Clicks) -> None:
        """Buyers come at the plan's rate until this is cancelled."""
        while True:
            (order,) = await self._at.buyers.come(item, 1)
            await self._at.buyers.click(item, [order])
            payable = watch.expect(order.order_id, Stage.PAYABLE)
            clicks.append((time.perf_counter(), order, payable))
            await asyncio.sleep(1 / self._plan.rate)


def _placed_again(clicks: Clicks, killed: float) -> list[float]:
    """When orders became payable that were clicked after the kill."""
    return [
        payable.result() for clicked, _, payable in clicks if clicked > killed and payable.done()
    ]
