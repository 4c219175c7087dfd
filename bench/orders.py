"""Orders per second from a click to paid, beside no-op workflows on the same Temporal server.

Without HTTP: intents come from the gate as the api makes them, payments are begun by the update
the api sends, and the money is announced by the signal that follows a provider's verified notice.
Redis, Postgres, Temporal, dispatcher and worker are the real ones.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, Self

import asyncpg
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from bench.cpu import CpuWatch
from bench.figures import BENCH, BenchPlan, Figure, Round, figure
from bench.noop_worker import TASK_QUEUE
from bench.noop_workflow import NoopWorkflow
from bench.stack import BenchStack
from domain import actors
from domain.ids import new_order_id, workflow_id
from domain.payment import Payment, PaymentMethod, PaymentScene, Receipt
from domain.reservation import ReserveRequest
from domain.sale import ItemRef
from infra.redis.client import connect_redis
from infra.redis.stock_gate import StockGate
from infra.settings import Settings
from infra.temporal.client import connect_temporal
from workflows.order import OrderWorkflow
from workflows.updates import BeginPayment

AT_ONCE = 64
POLL_SECONDS = 0.02
ROUND_SECONDS_AT_MOST = 600.0
SERVERS = ("temporal", "worker", "postgres", "redis", "noop", BENCH)

NOOP = "no-op workflow"
PLACING = "order: click → waits for payment"
BEGINNING = "order: asks to pay → cashier"
PAYING = "order: money → paid"
# As a throw-away saga is measured: nobody has to be shown a cashier.
SAGA = "order: click → waits, money → paid"
WHOLE = "order: click → cashier → paid"

_RUNNING = "WorkflowType = 'OrderWorkflow' AND ExecutionStatus = 'Running'"
_REACHED = """
SELECT count(*) AS placed, count(*) FILTER (WHERE status IN ('paid', 'fulfilled')) AS paid
FROM orders WHERE sale_id = $1
"""


class OrderBench:
    def __init__(
        self, stack: BenchStack, plan: BenchPlan, client: Client, gate: StockGate, database: Any
    ) -> None:
        self._stack = stack
        self._plan = plan
        self._client = client
        self._gate = gate
        self._database = database
        self._run = f"{time.time_ns() // 1_000_000:x}"
        self._paid: list[str] = []

    @classmethod
    async def open_(cls, stack: BenchStack, plan: BenchPlan, closing: AsyncExitStack) -> Self:
        redis = connect_redis(Settings(redis_url=stack.stack_file.redis_url))
        closing.push_async_callback(redis.aclose)
        database = await asyncpg.connect(stack.stack_file.postgres_dsn, timeout=10)
        closing.push_async_callback(database.close)
        return cls(stack, plan, await connect_temporal(), StockGate(redis), database)

    async def measure(self) -> tuple[Figure, ...]:
        """No-op workflows and orders take turns, round by round."""
        warm_up = min(AT_ONCE, self._plan.orders)
        await self._noops(warm_up)
        item = await self._stack.open_sale(warm_up)
        await self.pay(item, await self.begin(await self.place(item, warm_up)))
        await self.until_all_ended()
        rounds: dict[str, list[Round]] = {}
        async with asyncio.timeout(self._plan.rounds * ROUND_SECONDS_AT_MOST):
            for _ in range(self._plan.rounds):
                for name, round_ in await self._round():
                    rounds.setdefault(name, []).append(round_)
        return tuple(figure(name, measured, rounds[NOOP]) for name, measured in rounds.items())

    async def history(self) -> dict[str, int]:
        """The event types in the history of one paid order."""
        handle = self._client.get_workflow_handle(self._paid[0])
        await handle.result()
        history = await handle.fetch_history()
        names = (EventType.Name(event.event_type) for event in history.events)
        return dict(Counter(name.removeprefix("EVENT_TYPE_") for name in names))

    async def _round(self) -> list[tuple[str, Round]]:
        count = self._plan.orders
        noop = await self._timed(count, lambda: self._noops(count))
        item = await self._stack.open_sale(count + 1)
        # The dispatcher looks for new sales once a second; that wait is no work.
        await self.pay(item, await self.begin(await self.place(item, 1)))
        orders: list[str] = []
        payments: list[Payment] = []

        async def place() -> None:
            orders.extend(await self.place(item, count))

        async def begin() -> None:
            payments.extend(await self.begin(orders))

        placed = await self._timed(count, place)
        begun = await self._timed(count, begin)
        paid = await self._timed(count, lambda: self.pay(item, payments))
        await self.until_all_ended()
        return [
            (NOOP, noop),
            (PLACING, placed),
            (BEGINNING, begun),
            (PAYING, paid),
            (SAGA, one_after_another(placed, paid)),
            (WHOLE, one_after_another(placed, begun, paid)),
        ]

    async def _timed(self, count: int, work: Callable[[], Awaitable[None]]) -> Round:
        watch, began = CpuWatch(self._stack.pids(*SERVERS)), time.perf_counter()
        await work()
        elapsed = time.perf_counter() - began
        return Round(per_second=count / elapsed, cpu=watch.shares())

    async def _noops(self, count: int) -> None:
        name = f"noop-{time.time_ns()}"

        async def one(number: int) -> None:
            await self._client.execute_workflow(
                NoopWorkflow.run, number, id=f"{name}-{number}", task_queue=TASK_QUEUE
            )

        await _at_once(one, range(count))

    async def place(self, item: ItemRef, count: int) -> list[str]:
        """All click at once; returns the order ids when all orders wait for their payment."""
        before = await self._count(item, "placed")
        orders = await self.click(item, count)
        await _until(lambda: self._reached(item, "placed", before + count))
        return orders

    async def click(self, item: ItemRef, count: int) -> list[str]:
        """All click at once; returns the order ids when all are accepted."""
        terms = await self._gate.terms(item)
        if terms is None:
            raise LookupError(f"the gate does not know {item}")
        orders = [
            new_order_id(terms.item_number, time.time_ns() // 1_000_000) for _ in range(count)
        ]
        clicks = (
            ReserveRequest(
                item=item, order_id=order, user_id=f"bench-{order}", quantity=1, announce=True
            )
            for order in orders
        )
        await asyncio.gather(*map(self._gate.reserve, clicks))
        return orders

    async def begin(self, orders: list[str]) -> list[Payment]:
        """Returns when all buyers have been answered where to pay."""
        payments: list[Payment] = []

        async def one(order_id: str) -> None:
            handle = self._client.get_workflow_handle(workflow_id(order_id))
            wish = BeginPayment(
                method=PaymentMethod.ALIPAY, scene=PaymentScene.PAGE, actor=actors.buyer(order_id)
            )
            payments.append(await handle.execute_update(OrderWorkflow.begin_payment, wish))

        await _at_once(one, orders)
        return payments

    async def pay(self, item: ItemRef, payments: list[Payment]) -> None:
        """Returns when all their orders are paid."""
        before = await self._count(item, "paid")
        await _at_once(self.tell_paid, payments)
        await _until(lambda: self._reached(item, "paid", before + len(payments)))
        self._paid = [workflow_id(payment.order_id) for payment in payments]

    async def tell_paid(self, payment: Payment) -> None:
        """As the inbox tells of money, once it has checked a provider's notice."""
        handle = self._client.get_workflow_handle(workflow_id(payment.order_id))
        receipt = Receipt(
            method=payment.method,
            payment_id=payment.payment_id,
            trade_no=f"bench-{payment.order_id}",
            amount=payment.amount,
            paid_at=datetime.now(UTC),
        )
        await handle.signal(OrderWorkflow.payment_noticed, receipt)

    async def _reached(self, item: ItemRef, what: str, count: int) -> bool:
        return (await self._count(item, what)) >= count

    async def _count(self, item: ItemRef, what: str) -> int:
        """How many orders of the item are `placed`, or `paid`."""
        return int((await self._database.fetchrow(_REACHED, item.sale_id))[what])

    async def until_all_ended(self) -> None:
        """What is left of one round must not burden the next."""

        async def nothing_runs() -> bool:
            return (await self._client.count_workflows(_RUNNING)).count == 0

        await _until(nothing_runs)


async def _until(reached: Callable[[], Awaitable[bool]]) -> None:
    while not await reached():  # noqa: ASYNC110 - other processes give no event
        await asyncio.sleep(POLL_SECONDS)


async def _at_once(work: Callable[[Any], Awaitable[None]], jobs: Iterable[Any]) -> None:
    free = asyncio.Semaphore(AT_ONCE)

    async def one(job: Any) -> None:
        async with free:
            await work(job)

    await asyncio.gather(*(one(job) for job in jobs))


def one_after_another(*rounds: Round) -> Round:
    """All of them as one: every order went through the first before any began the second."""
    seconds = [1 / one.per_second for one in rounds]
    shares = [one / sum(seconds) for one in seconds]
    cpu = {
        name: sum(share * one.cpu[name] for share, one in zip(shares, rounds, strict=True))
        for name in rounds[0].cpu
    }
    return Round(per_second=1 / sum(seconds), cpu=cpu)
