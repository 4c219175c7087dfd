"""What buyers look at: a second old at most, and there while a store is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import cast

import httpx
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisAway
from sqlalchemy.ext.asyncio import AsyncConnection

from api.sales import READS_AT_ONCE, ShownSales
from domain.sale import ItemRef
from domain.states import SaleStatus
from infra.postgres.engine import Database
from infra.postgres.sales import Sales
from infra.redis.stock_gate import StockGate
from infra.settings import Settings
from infra.stores import open_stores
from tests.support.api_doubles import a_sale, an_item
from tests.support.buyers import assert_problem, click, gate_path
from tests.support.callers import ADA, OPERATOR
from tests.support.outages import without
from tests.support.retiring import keys_of_items, over, retire
from tests.support.shop import Shop
from tests.support.values import a_new_item, a_new_sale


class Gate:
    """Counts three mugs, knows no cups, and is away when asked for plates."""

    async def remaining(self, item: ItemRef) -> int | None:
        if item.sku_id == "plate":
            raise RedisAway
        return 3 if item.sku_id == "mug" else None


def shown(database: Database) -> ShownSales:
    return ShownSales(database, cast(StockGate, Gate()))


async def make(database: Database, sale_id: str, status: SaleStatus) -> None:
    async with database.transaction() as connection:
        await Sales(connection).create(sale_id, a_new_sale(a_new_item()))
        if status is not SaleStatus.DRAFT:
            await Sales(connection).change_status(sale_id, SaleStatus.DRAFT, status)


async def test_the_gates_count_is_shown_and_the_ledgers_in_its_place(database: Database) -> None:
    sale = a_sale(items=tuple(an_item(sku_id=sku_id) for sku_id in ("mug", "cup", "plate")))

    assert await shown(database).remaining(sale) == {"mug": 3, "cup": 6, "plate": 6}


@pytest.mark.parametrize(
    ("status", "visible"),
    [
        (SaleStatus.DRAFT, False),
        (SaleStatus.CANCELLED, False),
        (SaleStatus.PUBLISHED, True),
    ],
)
async def test_buyers_see_what_was_published(
    database: Database, status: SaleStatus, visible: bool
) -> None:
    await make(database, "noon", status)

    sale = await shown(database).sale("noon")
    page, _ = await shown(database).page(None, 10)

    assert (sale is not None) == visible == (len(page) == 1)


async def test_a_change_is_seen_at_once_by_who_made_it(database: Database) -> None:
    sales = shown(database)
    await make(database, "noon", SaleStatus.PUBLISHED)
    assert len((await sales.page(None, 10))[0]) == 1
    await make(database, "two", SaleStatus.PUBLISHED)
    assert len((await sales.page(None, 10))[0]) == 1

    sales.forget()

    assert len((await sales.page(None, 10))[0]) == 2


async def test_what_is_not_there_is_looked_for_again_a_second_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales = shown(database)
    assert await sales.sale("noon") is None

    await make(database, "noon", SaleStatus.PUBLISHED)

    assert await sales.sale("noon") is None
    monkeypatch.setattr("infra.single_flight.FRESH_SECONDS", 0.0)
    assert await sales.sale("noon") is not None


class CountedReads(Database):
    """A database that says how many transactions were open at once."""

    def __init__(self) -> None:
        self.open = self.most = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        self.open += 1
        self.most = max(self.most, self.open)
        await asyncio.sleep(0.01)
        self.open -= 1
        raise TimeoutError
        yield


async def test_pages_that_somebody_invents_leave_connections_for_others() -> None:
    reads = CountedReads()
    sales = shown(reads)

    pages = (sales.page(f"invented{number}", 10) for number in range(30))
    await asyncio.gather(*pages, return_exceptions=True)

    assert reads.most == READS_AT_ONCE


async def test_a_sale_that_is_over_says_since_when_and_no_other_does(database: Database) -> None:
    await make(database, "OVER", SaleStatus.PUBLISHED)
    await make(database, "DRAFT", SaleStatus.DRAFT)
    sales = shown(database)
    sku = a_new_item().sku_id
    async with database.transaction() as connection:
        await connection.exec_driver_sql(
            "UPDATE sales SET starts_at = '2020-01-01', ends_at = '2020-01-02 00:00 UTC'"
        )
    over = await sales.ended_at(ItemRef(sale_id="OVER", sku_id=sku))
    assert over == datetime(2020, 1, 2, tzinfo=UTC)
    for sale_id, sku_id in (("OVER", "no such"), ("DRAFT", sku), ("UNKNOWN", sku)):
        assert await sales.ended_at(ItemRef(sale_id=sale_id, sku_id=sku_id)) is None


async def test_who_asks_whether_a_sale_is_over_can_do_without_postgres() -> None:
    nowhere = without(Settings(), "postgres")
    async with open_stores(nowhere) as stores:
        assert await shown(stores.database).ended_at(ItemRef(sale_id="S", sku_id="mug")) is None


async def test_a_click_long_after_the_end_hears_so_though_redis_has_forgotten_the_item(
    api: httpx.AsyncClient, shop: Shop, redis: Redis
) -> None:
    await over(shop)
    assert (await retire(shop)).forgotten == 1

    problem = assert_problem(await click(api, shop), 409, "ENDED")

    ended = shop.sale.ends_at.replace(microsecond=0)
    assert datetime.fromisoformat(problem["ends_at"]).replace(microsecond=0) == ended
    unknown = await api.post(gate_path(shop, "kettle"), json={"quantity": 1}, headers=ADA)
    assert_problem(unknown, 404, "NOT_FOUND")
    # It is over for good, and to publish it once more puts nothing at the gate.
    again = await api.post(f"/v1/operator/sales/{shop.sale.sale_id}/publish", headers=OPERATOR)
    assert assert_problem(again, 409, "INVALID_STATE")["sale_status"] == "settled"
    assert await keys_of_items(redis) == []
