"""How long each buyer waits while others come at a fixed rate.

An open loop: everybody comes, asks to pay and pays when it is his time, however long those before
him wait. In a closed loop a stall of a second is one long wait; here it is one of each who came
meanwhile.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext, suppress

from bench.cpu import CpuWatch
from bench.figures import BENCH, BenchPlan
from bench.instruments import Instruments
from bench.report import LatencyReport
from bench.rows import OrderWatch, Stage
from bench.waits import offer, waits
from domain.sale import ItemRef

# Between a click and the wish to pay, and between that and the provider's word.
MIND_SECONDS = 2.0
PATIENCE_SECONDS = 60.0

PAYABLE = "click → payable"
CASHIER = "asks to pay → cashier"
PAID = "notice → paid"
FULFILLED = "notice → fulfilled"


class LatencyBench:
    """`until`: the last stage that is waited for."""

    def __init__(
        self, instruments: Instruments, plan: BenchPlan, *, until: Stage = Stage.FULFILLED
    ) -> None:
        self._at = instruments
        self._plan = plan
        self._until = until
        self._watch = OrderWatch(instruments.rows)
        self._waited: dict[str, list[float]] = {}
        self._unanswered: dict[str, int] = {}

    async def measure(
        self, *, meanwhile: AbstractContextManager[None] | None = None
    ) -> LatencyReport:
        """`meanwhile` is so as long as buyers come and wait."""
        count = max(1, round(self._plan.rate * self._plan.offered_seconds))
        item = await self._at.open_sale(count)
        run = f"open-{time.time_ns():x}"
        users = [f"{run}-{number}" for number in range(count)]
        tokens = {user: self._at.buyers.token(user) for user in users}
        watching = asyncio.create_task(self._watch.run())

        async def one(user: str, due: float) -> None:
            await self._buy(item, user, tokens[user], due)

        cpu = CpuWatch(self._at.stack.servers() | self._at.stack.pids(BENCH))
        try:
            with meanwhile or nullcontext():
                await offer(users, self._plan.rate, one)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
        return LatencyReport(
            per_second=self._plan.rate,
            waits=tuple(
                waits(name, seconds, unanswered=self._unanswered.get(name, 0))
                for name, seconds in self._waited.items()
            ),
            cpu=cpu.shares(),
        )

    async def _buy(self, item: ItemRef, user: str, token: str, due: float) -> None:
        order = await self._at.buyers.post_click(item, user, token)
        payable = self._watch.expect(order.order_id, Stage.PAYABLE)
        placing = asyncio.create_task(self._wait(PAYABLE, due, lambda: payable))
        asks = await _until(due + MIND_SECONDS)
        payment = await self._at.buyers.begin(order)
        self._note(CASHIER, time.perf_counter() - asks)
        notice = self._at.buyers.notice(payment)
        told = await _until(due + 2 * MIND_SECONDS)
        paid = self._watch.expect(order.order_id, Stage.PAID)
        telling = asyncio.create_task(self._at.buyers.tell(notice))
        await self._wait(PAID, told, lambda: paid)
        if self._until is Stage.FULFILLED:
            fulfilled = self._watch.expect(order.order_id, Stage.FULFILLED)
            await self._wait(FULFILLED, told, lambda: fulfilled)
        await asyncio.gather(placing, telling)

    async def _wait(self, name: str, since: float, moment: Callable[[], Awaitable[float]]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                self._note(name, await moment() - since)
        except TimeoutError:
            self._unanswered[name] = self._unanswered.get(name, 0) + 1
            self._note(name, time.perf_counter() - since)

    def _note(self, name: str, seconds: float) -> None:
        self._waited.setdefault(name, []).append(seconds)


async def _until(due: float) -> float:
    """When it was due; or now, if what comes before took longer than that."""
    now = time.perf_counter()
    await asyncio.sleep(max(0.0, due - now))
    return max(due, now)
