"""Very many orders accepted at once: when can they be paid, what do those wait who pay while all
the others stand around, what memory do they take, and when are all of them through?
"""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress

from bench.buyers import Order
from bench.figures import BenchPlan
from bench.instruments import Instruments
from bench.memory import memory_of
from bench.report import BacklogReport
from bench.rows import OrderWatch, Stage
from bench.waits import Waits, offer, waits
from domain.sale import ItemRef

CLICKS_AT_ONCE = 1_000
# Counting thousands of rows has its price.
EVERY_SECONDS = 0.1
SECONDS_AT_MOST = 3_600.0
SEED = 1

PAID_EARLY = "notice → paid, while workflows still start"
PAID_LATE = "notice → paid, while all wait"


class BacklogBench:
    def __init__(self, instruments: Instruments, plan: BenchPlan) -> None:
        self._at = instruments
        self._plan = plan

    async def measure(self) -> BacklogReport:
        count, samples = self._plan.backlog, min(self._plan.samples, self._plan.backlog // 3)
        item = await self._at.open_sale(count)
        started = await self._at.workflows.started()
        before = memory_of(self._at.stack.servers())
        orders = await self._at.buyers.come(item, count)
        shuffled = random.Random(SEED).sample(orders, count)
        early, late, others = shuffled[:samples], shuffled[samples : 2 * samples], None
        others = shuffled[2 * samples :]
        async with asyncio.timeout(SECONDS_AT_MOST):
            began = time.perf_counter()
            all_started = asyncio.create_task(self._at.workflows.until_started(started + count))
            accepted, half, payable = await self._accept(item, orders)
            paid_early = await self._pay_some(PAID_EARLY, early)
            workflows = await all_started
            waiting = memory_of(self._at.stack.servers())
            paid_late = await self._pay_some(PAID_LATE, late)
            cashiers, paid, fulfilled = await self._pay_all(item, others, 1 + count)
        return BacklogReport(
            orders=count,
            accepted_seconds=accepted - began,
            half_payable_seconds=half - began,
            payable_seconds=payable - began,
            workflows_seconds=workflows - began,
            rate=self._plan.rate,
            waits=(paid_early, paid_late),
            paid_orders=len(others),
            cashiers_per_second=cashiers,
            paid_seconds=paid,
            fulfilled_seconds=fulfilled,
            memory_before=before,
            memory_waiting=waiting,
            memory_after=memory_of(self._at.stack.servers()),
        )

    async def _accept(self, item: ItemRef, orders: Sequence[Order]) -> tuple[float, float, float]:
        """When all were accepted, when half of them were payable, when all were."""

        async def click() -> float:
            for start in range(0, len(orders), CLICKS_AT_ONCE):
                await self._at.buyers.click(item, orders[start : start + CLICKS_AT_ONCE])
            return time.perf_counter()

        accepted = asyncio.create_task(click())
        # One was payable before: the one with which the sale was opened.
        half, payable = [
            await self._at.rows.until(
                item.sale_id, Stage.PAYABLE, 1 + count, every_seconds=EVERY_SECONDS
            )
            for count in (len(orders) // 2, len(orders))
        ]
        return await accepted, half, payable

    async def _pay_some(self, name: str, orders: Sequence[Order]) -> Waits:
        """They come at the plan's rate, whatever the others wait for."""
        payments = await self._at.buyers.begin_all(orders)
        notices = {
            order.order_id: self._at.buyers.notice(payment)
            for order, payment in zip(orders, payments, strict=True)
        }
        watch, waited = OrderWatch(self._at.rows), list[float]()
        watching = asyncio.create_task(watch.run())

        async def pay(order_id: str, due: float) -> None:
            paid = watch.expect(order_id, Stage.PAID)
            await self._at.buyers.tell(notices[order_id])
            waited.append(await paid - due)

        try:
            await offer(list(notices), self._plan.rate, pay)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
        return waits(name, waited)

    async def _pay_all(
        self, item: ItemRef, orders: Sequence[Order], count: int
    ) -> tuple[float, float, float]:
        """Cashiers shown per second; then, from the first notice on, after how many seconds all
        `count` orders of the item were paid, and after how many they were fulfilled."""
        began = time.perf_counter()
        payments = await self._at.buyers.begin_all(orders)
        cashiers = len(orders) / (time.perf_counter() - began)
        notices = [self._at.buyers.notice(payment) for payment in payments]
        began = time.perf_counter()
        telling = asyncio.create_task(self._at.buyers.tell_all(notices))
        paid, fulfilled = [
            await self._at.rows.until(item.sale_id, stage, count, every_seconds=EVERY_SECONDS)
            for stage in (Stage.PAID, Stage.FULFILLED)
        ]
        await telling
        await self._at.ended(item, count)
        return cashiers, paid - began, fulfilled - began
