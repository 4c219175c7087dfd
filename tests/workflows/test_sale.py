"""A sale's workflow, on real stores and a Temporal whose clock skips."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from temporalio.testing import WorkflowEnvironment

from domain.reservation import GateVerdict
from domain.states import SaleStatus
from infra.postgres.engine import Database
from infra.redis.keys import ItemKeys
from tests.support.cancelling import close_sale, sale_status
from tests.support.shop import PRICE, Shop
from tests.support.skipping import skip_until
from tests.support.whole_sales import (
    SkippingGate,
    an_order,
    left_alone,
    open_whole_sale,
    says,
    story_of,
)
from tests.support.workflow_sandbox import SANDBOX


@pytest.fixture
async def shop(
    database: Database, redis: Redis, time_skipping: WorkflowEnvironment
) -> AsyncIterator[Shop]:
    options = {"workflow_runner": SANDBOX}
    async with open_whole_sale(database, redis, time_skipping, worker_options=options) as opened:
        yield opened


async def test_a_sale_left_alone_sells_closes_settles_and_reports(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    await shop.workflows.start_sale(shop.sale.sale_id)
    for buyer in ("ada", "bob"):
        await shop.pay(await an_order(shop, buyer))
    await an_order(shop, "eve, who never pays")

    report = await left_alone(shop, time_skipping)

    assert report.status is SaleStatus.SETTLED
    (item,), (money,) = report.figures.items, report.figures.money
    assert (item.total, item.sold, item.unsold, item.returned) == (20, 2, 18, 0)
    assert (money.received, money.refunded) == (2 * PRICE, 0)
    assert report.figures.orders == {"fulfilled": 2, "timed_out": 1}
    assert report.verdict and report.verdict.ok, report.verdict
    assert (await story_of(shop).result()).report == 1


async def test_a_click_of_the_last_moment_is_decided_before_its_sale_settles(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    await shop.workflows.start_sale(shop.sale.sale_id)

    closing = asyncio.create_task(close_sale(shop))
    clicks = await asyncio.gather(*(shop.click(f"buyer-{n}") for n in range(8)))
    await closing

    accepted = sum(click.verdict is GateVerdict.RESERVED for click in clicks)
    report = await left_alone(shop, time_skipping)
    assert report.status is SaleStatus.SETTLED
    assert sum(report.figures.orders.values()) == accepted
    assert report.verdict and report.verdict.ok
    assert (await shop.click("zoe")).verdict is GateVerdict.ENDED


async def test_it_goes_by_the_clock_of_the_gate(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    """Temporal's may be ahead of it: a sale that closed by that would have orders after its end."""
    assert isinstance(shop.gate, SkippingGate)
    shop.gate.skips = False
    await shop.workflows.start_sale(shop.sale.sale_id)
    await skip_until(time_skipping, lambda: says(shop, "by the gate's clock"))

    await time_skipping.sleep(timedelta(hours=3))

    assert await sale_status(shop) is SaleStatus.PUBLISHED


async def test_what_nobody_could_place_keeps_the_sale_from_closing(
    shop: Shop, redis: Redis, time_skipping: WorkflowEnvironment
) -> None:
    await redis.xadd(ItemKeys.of(shop.item.ref).dead, {"entry_id": "1-1", "error": "no good"})
    await shop.workflows.start_sale(shop.sale.sale_id)
    await skip_until(time_skipping, lambda: says(shop, "1 dead still wait"), timedelta(minutes=5))
    assert await sale_status(shop) is SaleStatus.PUBLISHED

    # A person has seen to it.
    await redis.delete(ItemKeys.of(shop.item.ref).dead)

    assert (await left_alone(shop, time_skipping)).status is SaleStatus.SETTLED


async def test_a_long_story_goes_on_in_a_new_run(
    database: Database,
    redis: Redis,
    time_skipping: WorkflowEnvironment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workflows.sale.LONG_HISTORY", 12)
    async with open_whole_sale(database, redis, time_skipping) as shop:
        await shop.workflows.start_sale(shop.sale.sale_id)
        first = (await story_of(shop).describe()).run_id
        await shop.pay(await an_order(shop, "ada"))

        report = await left_alone(shop, time_skipping)

        assert (report.figures.items[0].sold, report.version) == (1, 1)
        assert (await story_of(shop).describe()).run_id != first
