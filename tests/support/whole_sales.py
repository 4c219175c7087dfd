"""A shop whose sale is seen to its end: orders are placed and started as in production, and the
gate goes by the clock of a Temporal that skips."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from redis.asyncio import Redis
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from audit.run import run_audit
from audit.sources import AuditSources
from domain.audit import AuditReport
from domain.ids import order_id_of_workflow, workflow_id
from domain.reservation import GateVerdict
from domain.sale import ItemRef, LatePaymentPolicy
from domain.sale_report import SaleReport
from domain.states import OrderStatus
from infra.postgres.engine import Database
from infra.postgres.sale_reports import SaleReports
from infra.postgres.sales import Sales
from infra.redis.intents import Intents
from infra.redis.item_standing import ItemStanding
from infra.redis.stock_gate import StockGate
from tests.support.dispatched_shop import dispatching, placed_order
from tests.support.paper_book import PaperBook
from tests.support.polling import eventually
from tests.support.shop import Shop, open_shop
from tests.support.skipping import skip_until
from workflow_client import WorkflowClient
from workflows.order import OrderWorkflow
from workflows.sale import SaleOutcome, SaleWorkflow, sale_workflow_id


class SkippingGate(StockGate):
    """As if its server's clock ran with Temporal's, so that a sale's end comes as soon as nobody
    does anything."""

    def __init__(self, redis: Redis, clock: WorkflowEnvironment) -> None:
        super().__init__(redis)
        self._clock = clock
        self.skips = True

    async def standing(self, item: ItemRef) -> ItemStanding:
        standing = await super().standing(item)
        if not self.skips:
            return standing
        now = await self._clock.get_current_time()
        return standing._replace(now_ms=int(now.timestamp() * 1000))


class UnlistedWorkflows(WorkflowClient):
    """Of a Temporal that skips, which can list no workflows: when a sale is over none is left."""

    async def running_orders(self) -> AsyncIterator[str]:
        for name in tuple[str, ...]():
            yield name

    async def running_refunds(self) -> AsyncIterator[str]:
        for name in tuple[str, ...]():
            yield name

    async def failing(self) -> AsyncIterator[tuple[str, str]]:
        for name in tuple[str, ...]():
            yield name, ""


@asynccontextmanager
async def open_whole_sale(
    database: Database,
    redis: Redis,
    clock: WorkflowEnvironment,
    *,
    stock: int = 20,
    worker_options: dict[str, Any] | None = None,
    late_payment: LatePaymentPolicy = LatePaymentPolicy.REFUND,
) -> AsyncIterator[Shop]:
    """On sale for an hour, with a worker and its dispatcher."""
    hour = timedelta(hours=1)
    async with open_shop(
        database, redis, clock.client, stock=stock, ends_in=hour, late_payment=late_payment
    ) as shop:
        shop.gate = SkippingGate(redis, clock)
        shop.audited_workflows = UnlistedWorkflows(clock.client, shop.settings.task_queue)
        async with shop.worker(**(worker_options or {})), dispatching(shop):
            yield shop


async def audit(shop: Shop) -> AuditReport:
    """Of a sale that is over."""
    book = PaperBook(shop.alipay)
    for line in shop.alipay.other_lines:
        book.refunded[line.payment_id or ""] = line.amount
    sources = AuditSources(
        database=shop.database,
        gate=StockGate(shop.redis),
        intents=Intents(shop.redis),
        workflows=UnlistedWorkflows(shop.client, shop.settings.task_queue),
        book=book,
        grace=timedelta(0),
    )
    return await run_audit(sources)


async def an_order(shop: Shop, user_id: str) -> WorkflowHandle[OrderWorkflow, Any]:
    """Of who clicked, once it waits to be paid."""
    answer = await shop.click(user_id)
    assert answer.verdict is GateVerdict.RESERVED
    await placed_order(shop, answer.order_id)
    name = workflow_id(answer.order_id)

    async def is_started() -> bool:
        return not await shop.workflows.ended([name])

    await eventually(is_started, wanted=True)
    return shop.client.get_workflow_handle_for(OrderWorkflow.run, name)


async def status_of(shop: Shop, order: WorkflowHandle[OrderWorkflow, Any]) -> OrderStatus:
    return (await shop.dossier(order_id_of_workflow(order.id))).order.status


async def fulfilled(shop: Shop, *orders: WorkflowHandle[OrderWorkflow, Any]) -> None:
    """Once all of them are."""
    for order in orders:
        await eventually(partial(status_of, shop, order), OrderStatus.FULFILLED)


def story_of(shop: Shop) -> WorkflowHandle[SaleWorkflow, SaleOutcome]:
    return shop.client.get_workflow_handle_for(
        SaleWorkflow.run, sale_workflow_id(shop.sale.sale_id)
    )


async def says(shop: Shop, line: str) -> bool:
    """Whether the sale's story in Temporal tells that."""
    shown = await story_of(shop).query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return line in shown.current_details


async def report_of(shop: Shop) -> SaleReport | None:
    async with shop.database.transaction() as connection:
        return await SaleReports(connection).newest(shop.sale.sale_id)


async def brought_up_to_date(shop: Shop) -> SaleReport:
    """As who looks at the report has it brought."""
    async with shop.database.transaction() as connection:
        sale = await Sales(connection).get(shop.sale.sale_id)
        assert sale is not None
        return await SaleReports(connection).bring_up_to_date(sale)


async def left_alone(shop: Shop, clock: WorkflowEnvironment) -> SaleReport:
    """Nobody does anything until the sale's report stands."""

    async def is_reported() -> bool:
        return await report_of(shop) is not None

    await skip_until(clock, is_reported, timedelta(minutes=5))
    report = await report_of(shop)
    assert report is not None
    return report
