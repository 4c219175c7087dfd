"""Whatever step of a sale's end fails, before its effect or after it, it ends as it should."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from temporalio.testing import WorkflowEnvironment

from domain.states import SaleStatus
from infra.postgres.engine import Database
from tests.support.cancelling import are_told, cancel_sale, is_undone, told_of_money
from tests.support.faults import Fault, FaultPlan
from tests.support.shop import PRICE, Shop
from tests.support.skipping import skip_until
from tests.support.whole_sales import an_order, fulfilled, left_alone, open_whole_sale

LEFT_ALONE = ("look_at_sale", "close_sale", "settle_sale", "audit_end", "write_report")
CANCELLED = ("look_at_sale", "stop_selling", "undo_orders", "finish_cancellation", "write_report")
# A step of a sale names no order.
NO_ORDER = ""


async def _end_by_itself(shop: Shop, clock: WorkflowEnvironment) -> None:
    await shop.pay(await an_order(shop, "ada"))
    await an_order(shop, "eve, who never pays")
    report = await left_alone(shop, clock)
    (item,), (money,) = report.figures.items, report.figures.money
    assert (report.status, report.version) == (SaleStatus.SETTLED, 1)
    assert (item.sold, money.received, money.refunded) == (1, PRICE, 0)
    assert report.verdict and report.verdict.ok


async def _be_cancelled(shop: Shop, clock: WorkflowEnvironment) -> None:
    order = await an_order(shop, "ada")
    await shop.pay(order)
    await fulfilled(shop, order)
    await an_order(shop, "eve")
    await cancel_sale(shop)
    await skip_until(clock, lambda: is_undone(shop), timedelta(seconds=1))
    report = await left_alone(shop, clock)
    (item,), (money,) = report.figures.items, report.figures.money
    assert report.status is SaleStatus.CANCELLED
    assert (item.sold, money.received, money.refunded) == (0, PRICE, PRICE)
    await skip_until(clock, lambda: are_told(shop, 1))
    assert (told_of_money(shop), len(shop.alipay.refunded)) == (1, 1)
    assert report.verdict and report.verdict.ok


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER])
@pytest.mark.parametrize(
    ("steps", "live"),
    [(LEFT_ALONE, _end_by_itself), (CANCELLED, _be_cancelled)],
    ids=["left alone", "cancelled"],
)
async def test_a_step_that_fails_once_changes_no_end(
    database: Database,
    redis: Redis,
    time_skipping: WorkflowEnvironment,
    steps: tuple[str, ...],
    live: Callable[[Shop, WorkflowEnvironment], Awaitable[None]],
    fault: Fault,
) -> None:
    faults = FaultPlan()
    for step in steps:
        faults.plan(NO_ORDER, step, fault)
    options = {"interceptors": [faults]}
    async with open_whole_sale(database, redis, time_skipping, worker_options=options) as shop:
        await shop.workflows.start_sale(shop.sale.sale_id)

        await live(shop, time_skipping)

    assert faults.struck == faults.planned.keys()
