"""A cancelled sale is undone: to the fen, each buyer told once, whatever fails."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from temporalio import activity
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.sale_cancellations import Finished, Undone, UndoOrders
from activities.sales import SaleLook, SaleRef, WriteReport, WrittenReport
from domain.attention import AttentionKind
from domain.ids import order_id_of_workflow
from domain.payment import PaymentMethod
from domain.reservation import GateVerdict
from domain.sale_cancellation import CancellationProgress, ToGiveBack
from domain.sale_report import EndVerdict
from domain.states import OrderStatus, SaleStatus
from infra.postgres.engine import Database
from infra.postgres.sale_cancellations import SaleCancellations
from tests.support.cancelling import are_told, cancel_sale, is_undone, progress_of, told_of_money
from tests.support.refunding import OLGA, RefundHandle, open_attentions, refunds_of, start_refund
from tests.support.shop import POINTS_PRICE, PRICE, Shop
from tests.support.skipping import skip_until
from tests.support.whole_sales import (
    an_order,
    audit,
    brought_up_to_date,
    fulfilled,
    left_alone,
    open_whole_sale,
    says,
    status_of,
    story_of,
)
from tests.support.workflow_sandbox import SANDBOX
from worker import activities_of
from workflows.order import OrderWorkflow
from workflows.refund import RefundWorkflow
from workflows.sale import SaleRun, SaleWorkflow


async def retry_refund(shop: Shop, order: WorkflowHandle[OrderWorkflow, Any]) -> None:
    (refund,) = await refunds_of(shop, order_id_of_workflow(order.id))
    handle: RefundHandle = shop.client.get_workflow_handle(refund.workflow_id)
    await handle.execute_update(RefundWorkflow.retry, OLGA)
    await handle.result()


@pytest.fixture
async def shop(
    database: Database, redis: Redis, time_skipping: WorkflowEnvironment
) -> AsyncIterator[Shop]:
    options = {"workflow_runner": SANDBOX}
    async with open_whole_sale(database, redis, time_skipping, worker_options=options) as opened:
        yield opened


def assert_all_but_one_went_back(progress: CancellationProgress) -> None:
    assert (progress.to_do, progress.done, progress.failed) == (0, 3, 1)
    alipay, points = PaymentMethod.ALIPAY, PaymentMethod.POINTS
    assert progress.money == (
        ToGiveBack(method=alipay, currency="CNY", to_do=0, done=PRICE, failed=PRICE),
        ToGiveBack(method=points, currency="PTS", to_do=0, done=POINTS_PRICE, failed=0),
    )


async def test_a_cancelled_sale_gives_everything_back_and_waits_for_nobody(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    await shop.workflows.start_sale(shop.sale.sale_id)
    paid, by_points = await an_order(shop, "ada"), await an_order(shop, "bob")
    unpaid, declined = await an_order(shop, "eve"), await an_order(shop, "dan")
    await shop.pay(paid)
    await shop.grant_points("bob", POINTS_PRICE)
    await shop.pay_with_points(by_points)
    shop.alipay.declines_refunds_of.add((await shop.pay(declined)).payment_id)
    offered = await shop.begin_payment(unpaid)
    await fulfilled(shop, paid, by_points, declined)

    await cancel_sale(shop)

    assert (await shop.click("zoe")).verdict is GateVerdict.ENDED
    with pytest.raises(WorkflowUpdateFailedError):
        await shop.pay_with_points(unpaid)
    await skip_until(time_skipping, lambda: is_undone(shop), timedelta(seconds=1))
    assert_all_but_one_went_back(await progress_of(shop))
    assert await status_of(shop, unpaid) is OrderStatus.CANCELLED
    assert offered.payment_id in shop.alipay.closed
    # A failed refund stops nothing, and is somebody's work.
    assert AttentionKind.REFUND_FAILED in [kind for kind, _ in await open_attentions(shop)]
    assert await status_of(shop, declined) is OrderStatus.REFUNDING
    await skip_until(time_skipping, lambda: are_told(shop, 2))
    assert told_of_money(shop) == 2
    report = await left_alone(shop, time_skipping)
    assert report.status is SaleStatus.CANCELLED
    assert report.still_open.refunds == 1
    (item,) = report.figures.items
    assert (item.sold, item.returned) == (1, 2)
    # Money that a person has to see to is not sound yet, and all else is.
    assert report.verdict and report.verdict.broken == ("A5",)
    assert (await story_of(shop).result()).status is SaleStatus.CANCELLED

    shop.alipay.declines_refunds_of.clear()
    await retry_refund(shop, declined)

    assert (await progress_of(shop)).failed == 0
    assert (await audit(shop)).ok
    later = await brought_up_to_date(shop)
    assert (later.version, later.verdict) == (2, report.verdict)
    assert [money.refunded for money in later.figures.money] == [2 * PRICE, POINTS_PRICE]


async def test_a_cancel_that_is_raced_by_everybody_ends_once(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    await shop.workflows.start_sale(shop.sale.sale_id)
    bought = await an_order(shop, "ada")
    await shop.pay(bought)
    await fulfilled(shop, bought)
    paying = [await an_order(shop, name) for name in ("bob", "eve")]
    receipts = [shop.alipay.pay((await shop.begin_payment(order)).payment_id) for order in paying]

    await asyncio.gather(
        *(cancel_sale(shop) for _ in range(3)),
        *(
            order.signal(OrderWorkflow.payment_noticed, receipt)
            for order, receipt in zip(paying, receipts, strict=True)
        ),
        start_refund(shop, order_id_of_workflow(bought.id)),
        shop.click("zoe"),
    )

    await skip_until(time_skipping, lambda: is_undone(shop), timedelta(seconds=1))
    (money,) = (await progress_of(shop)).money
    assert (money.done, money.to_do, money.failed) == (3 * PRICE, 0, 0)
    await skip_until(time_skipping, lambda: are_told(shop, 3))
    assert told_of_money(shop) == len(shop.alipay.refunded) == 3
    report = await left_alone(shop, time_skipping)
    assert set(report.figures.orders) <= {"refunded", "cancelled", "rejected"}
    assert (await audit(shop)).ok


async def test_a_cancellation_that_is_held_up_begins_nothing(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    order = await an_order(shop, "ada")
    await shop.pay(order)
    await fulfilled(shop, order)
    await cancel_sale(shop, tell=False)
    async with shop.database.transaction() as connection:
        await SaleCancellations(connection).pause(shop.sale.sale_id)
    await shop.workflows.start_sale(shop.sale.sale_id, is_news=True)
    await skip_until(time_skipping, lambda: says(shop, "paused by an operator"))

    assert await status_of(shop, order) is OrderStatus.FULFILLED
    async with shop.database.transaction() as connection:
        await SaleCancellations(connection).resume(shop.sale.sale_id)
    await shop.workflows.start_sale(shop.sale.sale_id, is_news=True)

    await skip_until(time_skipping, lambda: is_undone(shop), timedelta(seconds=1))
    assert await status_of(shop, order) is OrderStatus.REFUNDED


class TwoPassesFindSomething:
    """Steps of a cancelled sale whose orders are found one at a pass, as those are that were on
    their way when the pass before had gone by."""

    def __init__(self) -> None:
        self.found = [1, 1, 0]
        self.left_at_the_end: list[int] | None = None

    @activity.defn
    async def look_at_sale(self, _sale: SaleRef) -> SaleLook:
        return SaleLook(status=SaleStatus.CANCELLED)

    @activity.defn
    async def stop_selling(self, _sale: SaleRef) -> None:
        assert len(self.found) == 3

    @activity.defn
    async def undo_orders(self, _step: UndoOrders) -> Undone:
        found = self.found.pop(0)
        return Undone(found=found, given_up=found)

    @activity.defn
    async def finish_cancellation(self, _sale: SaleRef) -> Finished:
        self.left_at_the_end = list(self.found)
        return Finished(to_do=0, done=2, failed=0)

    @activity.defn
    async def audit_end(self, _sale: SaleRef) -> EndVerdict:
        return EndVerdict(audit_id="1", ok=True, broken=())

    @activity.defn
    async def write_report(self, _command: WriteReport) -> WrittenReport:
        return WrittenReport(version=1, sold=0)


async def test_cancelling_goes_round_until_a_whole_pass_finds_nothing(
    time_skipping: WorkflowEnvironment,
) -> None:
    steps, queue = TwoPassesFindSomething(), f"rounds-{uuid4().hex[:8]}"
    async with Worker(
        time_skipping.client,
        task_queue=queue,
        workflows=[SaleWorkflow],
        activities=activities_of(steps),
        workflow_runner=SANDBOX,
    ):
        outcome = await time_skipping.client.execute_workflow(
            SaleWorkflow.run, SaleRun(sale_id="s"), id=queue, task_queue=queue
        )
    assert steps.left_at_the_end == []
    assert outcome.report == 1
