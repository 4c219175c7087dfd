"""A store is set back in the middle of a sale; one repair, and nothing is stuck or silent. What the
schedules do without it, for Redis too, is told in `test_lost_stores.py`."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from temporalio.client import Client

from audit.repair import repair
from audit.run import run_audit
from domain.states import OrderStatus
from infra.postgres.engine import Database
from infra.temporal.client import DATA_CONVERTER
from practice.stack.ports import free_port
from practice.stack.process import start, stop
from practice.stack.temporal import TemporalServer
from tests.support.audited_orders import handle_of
from tests.support.polling import eventually, until
from tests.support.postgres_copy import copy_of, put_back
from tests.support.restored_sale import Sale
from tests.support.shop import Shop, open_shop
from workflows.order import OrderWorkflow
from workflows.updates import RecheckPayment

pytestmark = pytest.mark.servers

NOTHING_CHANGED = {
    "ada": OrderStatus.FULFILLED,
    "bob": OrderStatus.CANCELLED,
    "cyd": OrderStatus.PENDING_PAYMENT,
    "dan": OrderStatus.FULFILLED,
    "eve": OrderStatus.PENDING_PAYMENT,
    "fay": OrderStatus.CANCELLED,
}


class OwnTemporal:
    """Its file can be copied, and put back."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._file = folder, folder / "data" / "temporal.db"
        self.server = TemporalServer(free_port(), free_port(), database=self._file)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        process = await start(self.server, self._folder / "temporal.log", die_with_parent=True)
        try:
            yield
        finally:
            await stop(process)

    def copy(self) -> None:
        shutil.copytree(self._file.parent, self._folder / "copy")

    def put_back(self) -> None:
        shutil.rmtree(self._file.parent)
        shutil.copytree(self._folder / "copy", self._file.parent)


@pytest.fixture
def temporal(tmp_path: Path) -> OwnTemporal:
    return OwnTemporal(tmp_path)


@asynccontextmanager
async def opened(
    database: Database, redis: Redis, temporal: OwnTemporal
) -> AsyncIterator[tuple[Shop, Sale]]:
    client = await Client.connect(temporal.server.address, data_converter=DATA_CONVERTER)
    async with open_shop(database, redis, client, stock=20, limit=3) as shop:
        yield shop, await Sale.open_(shop, redis)


async def assert_sound(sale: Sale) -> None:
    async def broken() -> list[str]:
        report = await run_audit(sale.sources)
        return [f"{check.code} {check.detail}" for check in report.checks if not check.ok]

    await eventually(broken, [])


async def test_a_temporal_set_back(database: Database, redis: Redis, temporal: OwnTemporal) -> None:
    async with (
        temporal.running(),
        opened(database, redis, temporal) as (shop, sale),
        shop.worker(),
    ):
        await sale.before_the_copy()
    temporal.copy()
    async with temporal.running(), shop.worker():
        await sale.after_the_copy()
    temporal.put_back()
    async with temporal.running(), shop.worker():
        await repair(sale.sources)

        # The stories of ada and bob wait again for what has happened: they end as they had.
        for user in ("ada", "bob"):
            await shop.run_out_of_time(handle_of(shop, sale.orders[user].order_id))
        await assert_sound(sale)
        assert await sale.statuses() == NOTHING_CHANGED
        assert await shop.counts() == (16, 2, 2, 16)
        eve = handle_of(shop, sale.orders["eve"].order_id)
        await shop.pay(eve)
        assert (await eve.result()).status is OrderStatus.FULFILLED


async def test_a_postgres_set_back(database: Database, redis: Redis, temporal: OwnTemporal) -> None:
    async with (
        temporal.running(),
        opened(database, redis, temporal) as (shop, sale),
        shop.worker(),
    ):
        await sale.before_the_copy()
        copy = await copy_of(database)
        await sale.after_the_copy()
        await put_back(database, copy)
        await asyncio.sleep(sale.sources.overdue_after.total_seconds())

        repairs = await repair(sale.sources)

        orders = {user: intent.order_id for user, intent in sale.orders.items()}
        started = {orders[user] for user in ("ada", "bob", "dan", "eve", "fay")}
        assert set(repairs.restarted) == started
        # ada's payment is in the copy: she has paid, and the provider says so when it is asked.
        ada = handle_of(shop, orders["ada"])
        await ada.execute_update(OrderWorkflow.recheck_payment, RecheckPayment(actor="operator:o"))
        await until(lambda: _is(sale, "ada", OrderStatus.FULFILLED))
        await assert_sound(sale)
        # dan's payment is known to the provider alone: his unit is held, and a person is called.
        called = await sale.attentions()
        assert set(called) == {orders["dan"]}
        assert "lost_order: " in called[orders["dan"]]
        assert "user dan" in called[orders["dan"]]
        assert await sale.statuses() == {
            "ada": OrderStatus.FULFILLED,
            "bob": OrderStatus.PENDING_PAYMENT,
            "cyd": OrderStatus.PENDING_PAYMENT,
            "dan": OrderStatus.PENDING_PAYMENT,
            "eve": OrderStatus.PENDING_PAYMENT,
            "fay": OrderStatus.REJECTED,
        }
        assert await shop.counts() == (15, 4, 1, 15)
        # Whoever has a row again can go on: nobody hears that his order is over.
        assert await shop.cancel(handle_of(shop, orders["bob"])) is OrderStatus.CANCELLED
        await shop.pay(handle_of(shop, orders["eve"]))
        await until(lambda: _is(sale, "eve", OrderStatus.FULFILLED))


async def _is(sale: Sale, user: str, status: OrderStatus) -> bool:
    return (await sale.statuses())[user] is status
