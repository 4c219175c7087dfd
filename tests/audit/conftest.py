"""A shop on real stores whose books are audited. Its Temporal is its own: the audit looks at
every running workflow, so those of other tests would be in its way."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from redis.asyncio import Redis
from temporalio.client import Client

from audit.sources import AuditSources
from domain.ids import workflow_id
from infra.postgres.engine import Database
from infra.redis.intents import Intents
from infra.redis.keys import ItemKeys
from infra.redis.reservation_mending import ReservationMending
from infra.temporal.client import DATA_CONVERTER
from tests.support.paper_book import PaperBook
from tests.support.polling import until
from tests.support.servers import own_temporal
from tests.support.shop import Shop, open_shop


@pytest.fixture(scope="session")
async def audited_temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    async with own_temporal(tmp_path_factory.mktemp("audited_temporal")) as address:
        yield await Client.connect(address, data_converter=DATA_CONVERTER)


@pytest.fixture
async def shop(database: Database, redis: Redis, audited_temporal: Client) -> AsyncIterator[Shop]:
    async with open_shop(database, redis, audited_temporal, stock=20, limit=3) as opened:
        async with opened.worker():
            yield opened
        await _end_all_workflows(opened)


@pytest.fixture
def sources(shop: Shop, redis: Redis) -> AuditSources:
    return AuditSources(
        database=shop.database,
        gate=shop.gate,
        intents=Intents(redis),
        workflows=shop.workflows,
        book=PaperBook(shop.alipay),
        grace=timedelta(seconds=0.4),
        mending=ReservationMending(redis),
    )


@pytest.fixture
def keys(shop: Shop) -> ItemKeys:
    return ItemKeys.of(shop.item.ref)


@pytest.fixture
def book(sources: AuditSources) -> PaperBook:
    assert isinstance(sources.book, PaperBook)
    return sources.book


@pytest.fixture
def bookless(sources: AuditSources) -> AuditSources:
    return replace(sources, book=None)


async def _end_all_workflows(shop: Shop) -> None:
    for order_id in [order_id async for order_id in shop.workflows.running_orders()]:
        await shop.client.get_workflow_handle(workflow_id(order_id)).terminate("the test is over")
    await until(partial(_none_runs, shop))


async def _none_runs(shop: Shop) -> bool:
    return not [order_id async for order_id in shop.workflows.running_orders()]
