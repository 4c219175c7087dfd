import asyncio

import pytest
from asyncpg import CheckViolationError

from domain.states import OrderStatus
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from tests.support.ledger import (
    begin,
    cancel,
    damage,
    figures,
    movements,
    open_item,
    pay,
    place,
    settle,
)
from tests.support.values import a_payment, an_order


async def _status(database: Database, order_id: str) -> OrderStatus | None:
    async with database.transaction() as connection:
        order = await Orders(connection).get(order_id)
    return order.status if order else None


async def test_a_paid_order_has_sold_what_it_held_once(database: Database) -> None:
    item = await open_item(database)
    payment = await pay(database, await place(database, item, quantity=3))
    assert await settle(database, payment) is False
    assert await figures(database, item) == (7, 0, 3)
    assert await movements(database) == [("opening", 10), ("hold", 3), ("sell", 3)]


async def test_an_order_settled_by_many_at_once_is_settled_once(database: Database) -> None:
    item = await open_item(database)
    payment = await begin(database, a_payment(await place(database, item)))
    settled = await asyncio.gather(*(settle(database, payment) for _ in range(8)))
    assert settled.count(True) == 1
    assert await figures(database, item) == (9, 0, 1)


async def test_what_was_given_up_cannot_be_sold(database: Database) -> None:
    item = await open_item(database)
    order = await place(database, item)
    payment = await begin(database, a_payment(order))
    await cancel(database, order)
    assert await settle(database, payment) is False
    assert await figures(database, item) == (10, 0, 0)
    assert await _status(database, order.order_id) is OrderStatus.CANCELLED


async def test_an_order_nobody_placed_sells_nothing(database: Database) -> None:
    item = await open_item(database)
    await place(database, item, "somebody else")
    assert await settle(database, a_payment(an_order(item))) is False
    assert await figures(database, item) == (9, 1, 0)


async def test_selling_stock_that_is_not_on_the_books_fails_loudly_and_settles_nothing(
    database: Database,
) -> None:
    item = await open_item(database)
    order = await place(database, item)
    payment = await begin(database, a_payment(order))
    await damage(database, "UPDATE sale_items SET held = 0, available = total")
    with pytest.raises(CheckViolationError, match="never_negative"):
        await settle(database, payment)
    assert await _status(database, order.order_id) is OrderStatus.PENDING_PAYMENT
    assert await movements(database) == [("opening", 10), ("hold", 1)]
