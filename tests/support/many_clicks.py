"""Many buyers who click at one moment, at the gate itself: what comes after it is in question."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from redis.asyncio import Redis

from domain.ids import new_order_id, new_sale_id
from domain.reservation import GateVerdict
from domain.sale import Item, ItemRef, NewItem, NewSale, Sale
from domain.states import SaleStatus
from infra.postgres.engine import Database
from infra.postgres.sales import Sales
from infra.redis.stock_gate import StockGate
from tests.support.gate import ITEM, request_for, terms_of


async def accept_many(
    gate: StockGate, count: int, item: ItemRef = ITEM, number: int | None = None
) -> list[str]:
    """Orders the gate accepts now; each user is named like the order. Without a number the item
    is put up first."""
    if number is None:
        await gate.preheat(terms_of(item), 100_000)
    now = time.time_ns() // 1_000_000
    order_ids = [new_order_id(number or 1, now) for _ in range(count)]
    requests = (request_for(order_id, order_id, item=item) for order_id in order_ids)
    answers = await asyncio.gather(*map(gate.reserve, requests))
    assert {answer.verdict for answer in answers} == {GateVerdict.RESERVED}
    return order_ids


@dataclass(frozen=True)
class ClickedSale:
    """A sale of one item on a running stack."""

    database: Database
    redis: Redis
    gate: StockGate
    sale: Sale

    @classmethod
    @asynccontextmanager
    async def on(cls, stack: dict[str, Any], stock: int) -> AsyncIterator[Self]:
        database = Database.connect(stack["postgres_dsn"])
        redis = Redis.from_url(stack["redis_url"], decode_responses=True)
        try:
            gate = StockGate(redis)
            async with database.transaction() as connection:
                sale = await _published(Sales(connection), stock)
            await gate.preheat(sale.terms_of(sale.items[0]), stock)
            yield cls(database, redis, gate, sale)
        finally:
            await redis.aclose()
            await database.aclose()

    @property
    def item(self) -> Item:
        return self.sale.items[0]

    async def click(self, count: int) -> list[str]:
        return await accept_many(self.gate, count, self.item.ref, self.item.item_number)

    async def placed(self) -> int:
        """Orders that can be paid, or are further on."""
        async with self.database.driver() as driver:
            query = "SELECT count(*) FROM orders WHERE sale_id = $1 AND status <> 'rejected'"
            return int(await driver.fetchval(query, self.sale.sale_id))


async def _published(sales: Sales, stock: int) -> Sale:
    now = datetime.now(UTC)
    item = NewItem(
        sku_id="teapot", title="A teapot", list_price=100, price=100, stock=stock, per_user_limit=1
    )
    new = NewSale(
        name="A rush",
        starts_at=now - timedelta(minutes=1),
        ends_at=now + timedelta(days=1),
        items=(item,),
    )
    sale = await sales.create(new_sale_id(int(now.timestamp() * 1000)), new)
    await sales.change_status(sale.sale_id, SaleStatus.DRAFT, SaleStatus.PUBLISHED)
    return sale.model_copy(update={"status": SaleStatus.PUBLISHED})
