"""What all parts of a bench measure with, on one stack."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

import asyncpg

from bench.buyers import AT_ONCE, Buyers, Order
from bench.cpu import CpuWatch
from bench.figures import BENCH, Round
from bench.plain_ledger import PlainLedger
from bench.rows import OrderRows, Stage
from bench.stack import BenchStack
from bench.workflows_seen import WorkflowsSeen
from domain.sale import ItemRef
from infra.temporal.client import connect_temporal

STEP_SECONDS_AT_MOST = 600.0
CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Instruments:
    stack: BenchStack
    buyers: Buyers
    rows: OrderRows
    workflows: WorkflowsSeen
    plain: PlainLedger

    @classmethod
    async def open_(cls, stack: BenchStack, closing: AsyncExitStack) -> Self:
        databases = []
        for _ in range(2):
            database = await asyncpg.connect(stack.stack_file.postgres_dsn, timeout=CONNECT_SECONDS)
            closing.push_async_callback(database.close)
            databases.append(database)
        plain = PlainLedger(databases[1])
        await plain.open_()
        return cls(
            stack=stack,
            buyers=await Buyers.open_(stack, closing),
            rows=OrderRows(databases[0]),
            workflows=WorkflowsSeen(await connect_temporal()),
            plain=plain,
        )

    async def warm_up(self, count: int = AT_ONCE) -> None:
        """So many orders and no-op workflows from beginning to end."""
        await self.workflows.do_nothing(count)
        item = await self.stack.open_sale(count)
        await self.carry_through(item, await self.place(item, count))

    async def open_sale(self, stock: int) -> ItemRef:
        """A sale that all processes know of: one order of it is through already, in which their
        looking for new sales is over. It is no work."""
        item = await self.stack.open_sale(stock + 1)
        await self.carry_through(item, await self.place(item, 1))
        return item

    async def place(self, item: ItemRef, count: int) -> list[Order]:
        """Returns when all of them can be paid."""
        orders = await self.buyers.come(item, count)
        await self.place_these(item, orders)
        return orders

    async def place_these(self, item: ItemRef, orders: list[Order]) -> None:
        before = await self.rows.count(item.sale_id, Stage.PAYABLE)
        await self.buyers.click(item, orders)
        await self.rows.until(item.sale_id, Stage.PAYABLE, before + len(orders))

    async def carry_through(self, item: ItemRef, orders: list[Order]) -> None:
        """All are paid by Alipay; returns when nothing is left to do."""
        before = await self.rows.count(item.sale_id, Stage.FULFILLED)
        payments = await self.buyers.begin_all(orders)
        await self.buyers.tell_all([self.buyers.notice(payment) for payment in payments])
        await self.ended(item, before + len(orders))

    async def ended(self, item: ItemRef, count: int) -> None:
        """So many orders of the item are fulfilled, and no order's workflow runs any more."""
        async with asyncio.timeout(STEP_SECONDS_AT_MOST):
            # A workflow that has yet to start does not run either.
            await self.rows.until(item.sale_id, Stage.FULFILLED, count)
            await self.workflows.until_none_runs()

    async def timed(self, count: int, work: Callable[[], Awaitable[object]]) -> Round:
        """Raises TimeoutError after ten minutes."""
        pids = self.stack.servers() | self.stack.pids("noop", "empty", BENCH)
        watch, began = CpuWatch(pids), time.perf_counter()
        async with asyncio.timeout(STEP_SECONDS_AT_MOST):
            await work()
        elapsed = time.perf_counter() - began
        return Round(per_second=count / elapsed, cpu=watch.shares())
