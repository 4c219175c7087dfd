"""What several checks read, in pages; and rules that are silent on what is sound."""

import pytest

from audit import queries
from audit.checks.a4_workflows import unfinished_orders
from audit.checks.provider_book import PaymentMoney, payment_money
from audit.queries import OrderRow, known_orders, orders_of_item
from domain.payment import PaymentMethod
from domain.states import OrderStatus
from infra.postgres.engine import Database
from tests.support.ledger import open_item, pay, place
from tests.support.sound_sale import busy_sale, findings
from tests.support.values import PRICE


async def test_every_rule_is_silent_on_empty_tables(database: Database) -> None:
    assert await findings(database) == {}


async def test_every_rule_is_silent_on_a_sound_sale(database: Database) -> None:
    await busy_sale(database)
    assert await findings(database) == {}


async def test_orders_payments_and_gaps_are_read_in_batches(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "ROWS_PER_QUERY", 2)
    item = await open_item(database)
    other = await open_item(database, sale_id="evening")
    orders = [await place(database, item, f"user-{number}") for number in range(5)]
    await place(database, other)
    paid = [await pay(database, order) for order in orders[:3]]
    async with database.transaction() as connection:
        of_item = [order async for order in orders_of_item(connection, item.ref)]
        unfinished = [order.order_id async for order in unfinished_orders(connection)]
        money = [row async for row in payment_money(connection)]
        known = await known_orders(connection, [orders[0].order_id, orders[4].order_id, "GONE"])
    assert [order.order_id for order in of_item] == [order.order_id for order in orders]
    assert of_item[0] == OrderRow(
        order_id=orders[0].order_id, user_id="user-0", quantity=1, status=OrderStatus.PAID
    )
    assert set(unfinished) >= {orders[2].order_id, orders[3].order_id, orders[4].order_id}
    assert len(unfinished) == 6
    assert [row.payment_id for row in money] == [payment.payment_id for payment in paid]
    assert money[0] == PaymentMoney(
        payment_id=paid[0].payment_id,
        order_id=orders[0].order_id,
        method=PaymentMethod.ALIPAY,
        received=PRICE,
        refunded=0,
    )
    assert known == {
        orders[0].order_id: OrderStatus.PAID,
        orders[4].order_id: OrderStatus.PENDING_PAYMENT,
    }
