"""Sales whose workflow was lost, or never started, have one again."""

import asyncio

import pytest
from redis.asyncio import Redis
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from dispatching import sale_keeper
from dispatching.sale_keeper import SaleKeeper
from domain.ids import new_sale_id
from domain.sale import NewSale
from infra.postgres.engine import Database
from infra.postgres.sale_cancellations import SaleCancellations
from infra.postgres.sale_reports import SaleReports
from infra.postgres.sales import Sales
from tests.support.cancelling import cancel_sale
from tests.support.gate import eventually
from tests.support.shop import Shop, open_shop
from tests.support.workflows_double import WorkflowsDouble

AWAY = RPCError("away", RPCStatusCode.UNAVAILABLE, b"")


async def _with_a_draft(shop: Shop) -> None:
    fields = shop.sale.model_dump(include={"name", "starts_at", "ends_at"})
    async with shop.database.transaction() as connection:
        await Sales(connection).create(new_sale_id(1), NewSale(**fields, items=()))


async def test_every_sale_without_a_report_is_started_and_no_draft(
    database: Database, redis: Redis, temporal_client: Client
) -> None:
    workflows = WorkflowsDouble()
    async with open_shop(database, redis, temporal_client) as shop:
        await _with_a_draft(shop)

        assert await SaleKeeper(database, workflows).look() == 1

        assert workflows.sales == [(shop.sale.sale_id, False)]
        async with database.transaction() as connection:
            await SaleReports(connection).bring_up_to_date(shop.sale)
        assert await SaleKeeper(database, workflows).look() == 0


async def test_a_cancel_that_its_workflow_has_not_heard_of_is_told(
    database: Database, redis: Redis, temporal_client: Client
) -> None:
    workflows = WorkflowsDouble()
    async with open_shop(database, redis, temporal_client) as shop:
        await cancel_sale(shop, tell=False)
        await SaleKeeper(database, workflows).look()
        async with database.transaction() as connection:
            await SaleCancellations(connection).begin(shop.sale.sale_id)
        await SaleKeeper(database, workflows).look()

    assert workflows.sales == [(shop.sale.sale_id, True), (shop.sale.sale_id, False)]


class AwayAtFirst(WorkflowsDouble):
    async def start_sale(self, sale_id: str, *, is_news: bool = False) -> None:
        self.away, away = None, self.away
        if away:
            raise away
        await super().start_sale(sale_id, is_news=is_news)


async def test_it_goes_on_when_temporal_is_back(
    database: Database, redis: Redis, temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sale_keeper, "LOOK_SECONDS", 0.01)
    workflows, stop = AwayAtFirst(away=AWAY), asyncio.Event()
    async with open_shop(database, redis, temporal_client):
        keeping = asyncio.create_task(SaleKeeper(database, workflows).run(stop))

        async def started() -> list[tuple[str, bool]]:
            return workflows.sales

        assert await eventually(started, bool)
        stop.set()
        await keeping
