"""Whatever step of a refund fails, and however, the money ends where it should, once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.service import RPCError

from audit import money, redis_agreement, stock_balance
from audit.sources import AuditSources
from domain.notice import RefundNews
from domain.payment import Receipt
from domain.reservation import Intent
from domain.sale import LatePaymentPolicy
from domain.states import OrderStatus, RefundStatus
from infra.gateways.bill import BillKind
from infra.postgres.engine import Database
from infra.redis.intents import Intents
from tests.audit.paper_book import PaperBook
from tests.faults import Fault, FaultPlan
from tests.refunding import (
    OLGA,
    RefundHandle,
    a_paid_order,
    a_timed_out_order,
    refunds_of,
    start_late_refund,
    start_refund,
)
from tests.shop import PRICE, Shop, open_shop
from workflows.refund import RefundWorkflow

# Some waits for backoffs in real time.
pytestmark = pytest.mark.timeout(150)
STOCK = 60
Begin = Callable[[Shop, Intent, Receipt], Awaitable[RefundHandle]]
Drive = Callable[[Shop, Intent, RefundHandle], Awaitable[None]]


@dataclass(frozen=True)
class Branch:
    name: str
    late: bool
    begin: Begin
    drive: Drive
    steps: tuple[str, ...]
    end: OrderStatus


@dataclass
class Case:
    branch: Branch
    step: str
    intent: Intent
    receipt: Receipt

    def __str__(self) -> str:
        return f"{self.branch.name}: {self.step}"


async def _undo(shop: Shop, intent: Intent, _receipt: Receipt) -> RefundHandle:
    return await start_refund(shop, intent.order_id)


async def _undo_slowly(shop: Shop, intent: Intent, receipt: Receipt) -> RefundHandle:
    shop.alipay.slow_with_refunds_of.add(receipt.payment_id)
    return await start_refund(shop, intent.order_id)


async def _undo_declined(shop: Shop, intent: Intent, receipt: Receipt) -> RefundHandle:
    shop.alipay.declines_refunds_of.add(receipt.payment_id)
    return await start_refund(shop, intent.order_id)


async def _wait(_shop: Shop, _intent: Intent, _handle: RefundHandle) -> None:
    return


async def _hurry(shop: Shop, intent: Intent, handle: RefundHandle) -> None:
    """News of a failure may be old: the provider is asked what is true, and at once."""
    news = RefundNews(refund_id=handle.id, payment_id="", amount=PRICE, succeeded=False)
    while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
        if await _status(shop, intent) is RefundStatus.ACCEPTED:
            with contextlib.suppress(RPCError):
                await handle.signal(RefundWorkflow.refund_noticed, news)
        await asyncio.sleep(0.2)


async def _insist(shop: Shop, intent: Intent, handle: RefundHandle) -> None:
    """As an operator does: when it has failed, put the provider right and try again."""
    async with asyncio.timeout(45):
        while await _status(shop, intent) is not RefundStatus.FAILED:
            await asyncio.sleep(0.1)
        shop.alipay.declines_refunds_of.discard(f"{intent.order_id}A1")
        while await _status(shop, intent) is RefundStatus.FAILED:
            try:
                await handle.execute_update(RefundWorkflow.retry, OLGA)
            except (RPCError, WorkflowUpdateFailedError):
                await asyncio.sleep(0.1)


async def _status(shop: Shop, intent: Intent) -> RefundStatus | None:
    refunds = await refunds_of(shop, intent.order_id)
    return refunds[0].status if refunds else None


BRANCHES = (
    Branch(
        "undone",
        False,
        _undo,
        _wait,
        ("open_refund", "ask_refund", "finish_refund", "release_stock", "tell_buyer"),
        OrderStatus.REFUNDED,
    ),
    Branch(
        "undone slowly",
        False,
        _undo_slowly,
        _hurry,
        ("ask_refund", "query_refund"),
        OrderStatus.REFUNDED,
    ),
    Branch(
        "declined at first",
        False,
        _undo_declined,
        _insist,
        ("fail_refund", "reopen_refund"),
        OrderStatus.REFUNDED,
    ),
    Branch(
        "paid late",
        True,
        start_late_refund,
        _wait,
        (
            "consider_late_payment",
            "reclaim_stock",
            "honour_late_payment",
            "confirm_stock",
            "carry_out",
        ),
        OrderStatus.FULFILLED,
    ),
)


@asynccontextmanager
async def _open(database: Database, redis: Redis, client: Client) -> AsyncIterator[Shop]:
    honour = LatePaymentPolicy.HONOUR
    async with open_shop(database, redis, client, stock=STOCK, late_payment=honour) as shop:
        yield shop


async def _prepare(shop: Shop) -> list[Case]:
    """Orders as they are before their money is given back; nothing fails yet."""
    planned = [(branch, step) for branch in BRANCHES for step in branch.steps]
    async with shop.worker():
        return list(await asyncio.gather(*(_case(shop, *plan) for plan in planned)))


async def _case(shop: Shop, branch: Branch, step: str) -> Case:
    buyer = f"{branch.name}-{step}"
    if branch.late:
        return Case(branch, step, *await a_timed_out_order(shop, buyer))
    order = await a_paid_order(shop, buyer)
    return Case(branch, step, order.intent, order.receipt)


async def _begin(shop: Shop, case: Case, faults: FaultPlan, fault: Fault) -> RefundHandle:
    faults.plan(case.intent.order_id, case.step, fault)
    return await case.branch.begin(shop, case.intent, case.receipt)


async def _expect_the_planned_ends(
    shop: Shop, sources: AuditSources, faults: FaultPlan, cases: list[Case]
) -> None:
    ends = {str(case): (await shop.dossier(case.intent.order_id)).order.status for case in cases}
    assert ends == {str(case): case.branch.end for case in cases}
    assert faults.struck == faults.planned.keys()
    for look in (stock_balance.look, redis_agreement.look, money.look):
        looked = await look(sources)
        assert looked.findings == {}, looked
    refunded = sum(case.branch.end is OrderStatus.REFUNDED for case in cases)
    assert len(shop.alipay.refunded) == refunded
    assert sum(line.kind is BillKind.REFUND for line in shop.alipay.other_lines) == refunded


def _sources(shop: Shop, redis: Redis) -> AuditSources:
    book = PaperBook(shop.alipay)
    for line in shop.alipay.other_lines:
        book.refunded[line.payment_id or ""] = line.amount
    return AuditSources(
        database=shop.database,
        gate=shop.gate,
        intents=Intents(redis),
        client=shop.client,
        book=book,
        grace=timedelta(seconds=0.4),
        task_queue=shop.settings.task_queue,
    )


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER])
async def test_a_step_that_fails_once_changes_no_end(
    database: Database, redis: Redis, temporal_client: Client, fault: Fault
) -> None:
    async with _open(database, redis, temporal_client) as shop:
        cases, faults = await _prepare(shop), FaultPlan()
        async with shop.worker(interceptors=[faults]):
            await asyncio.gather(*(_see_through(shop, case, faults, fault) for case in cases))
            await _expect_the_planned_ends(shop, _sources(shop, redis), faults, cases)


async def _see_through(shop: Shop, case: Case, faults: FaultPlan, fault: Fault) -> None:
    handle = await _begin(shop, case, faults, fault)
    await case.branch.drive(shop, case.intent, handle)
    await handle.result()


async def test_a_step_that_fails_until_the_worker_is_restarted_changes_no_end(
    database: Database, redis: Redis, temporal_client: Client
) -> None:
    async with _open(database, redis, temporal_client) as shop:
        cases, faults = await _prepare(shop), FaultPlan()
        second = timedelta(seconds=1)
        async with shop.worker(interceptors=[faults], graceful_shutdown_timeout=second):
            driving = [
                asyncio.create_task(_see_through(shop, case, faults, Fault.ALWAYS))
                for case in cases
            ]
            async with asyncio.timeout(40):
                while len(faults.struck) < len(cases):
                    await asyncio.sleep(0.05)
        async with shop.worker():
            await asyncio.gather(*driving)
            await _expect_the_planned_ends(shop, _sources(shop, redis), faults, cases)
