"""A shop whose accepted orders are placed and started as in production."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dispatching.dispatcher import Dispatcher
from dispatching.starter import StartsOrders
from domain.order import Order
from domain.reservation import Intent
from infra.postgres.orders import Orders
from tests.support.gate import Backlog, backlog_of, eventually
from tests.support.shop import Shop

SHORT_MS = 120


class Refusing:
    """A Temporal that will never take these orders, whatever it says of others."""

    async def start_order(self, intent: Intent) -> None:
        raise ValueError(f"cannot be told of {intent.user_id}")


@asynccontextmanager
async def placing(shop: Shop, *, alive_ms: int = SHORT_MS) -> AsyncIterator[Dispatcher]:
    """No workflow is started."""
    stop = asyncio.Event()
    dispatcher = Dispatcher(shop.redis, shop.database, alive_ms=alive_ms)
    async with dispatcher.placing(stop):
        yield dispatcher


@asynccontextmanager
async def dispatching(
    shop: Shop, workflows: StartsOrders | None = None, *, alive_ms: int = SHORT_MS
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    dispatcher = Dispatcher(shop.redis, shop.database, alive_ms=alive_ms)
    async with dispatcher.placing(stop):
        told = workflows or shop.workflows
        starting = asyncio.create_task(dispatcher.start_workflows(told, stop))
        try:
            yield
        finally:
            stop.set()
            await starting


async def order_of(shop: Shop, order_id: str) -> Order | None:
    async with shop.database.transaction() as connection:
        return await Orders(connection).get(order_id)


async def placed_order(shop: Shop, order_id: str) -> Order:
    """Once it stands."""
    order = await eventually(lambda: order_of(shop, order_id), bool)
    assert order is not None
    return order


async def waiting_once(shop: Shop, count: int) -> Backlog:
    """The backlog once so many wait, or as it is when the patience is up."""
    return await eventually(
        lambda: backlog_of(shop.redis, shop.item.ref), lambda left: left.waiting == count
    )
