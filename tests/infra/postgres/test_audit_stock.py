"""Damage is planted with raw SQL; each rule must name it, and be silent on sound data."""

import pytest
from sqlalchemy import text

from domain.payment import PaymentMethod
from domain.states import OrderStatus
from infra.postgres import audit_queries
from infra.postgres.audit_queries import AuditQueries
from infra.postgres.audit_values import PaymentMoney, StockOrder
from infra.postgres.engine import Database
from tests.support.ledger import damage, open_item, pay, place
from tests.support.sound_sale import busy_sale, findings
from tests.support.values import PRICE, an_order


async def test_every_rule_is_silent_on_empty_tables(database: Database) -> None:
    assert await findings(database) == {}


async def test_every_rule_is_silent_on_a_sound_sale(database: Database) -> None:
    await busy_sale(database)
    assert await findings(database) == {}


@pytest.mark.parametrize(
    "change",
    [
        "held = held + 1, available = available - 1",
        "sold = sold + 1, held = held - 1",
        "total = total + 1, available = available + 1",
    ],
)
async def test_an_item_that_differs_from_its_orders_is_named(
    database: Database, change: str
) -> None:
    await busy_sale(database)
    await damage(database, f"UPDATE sale_items SET {change}")  # noqa: S608
    assert await findings(database) == {"items": ["mug"]}


async def test_an_item_that_does_not_add_up_is_named(database: Database) -> None:
    await busy_sale(database)
    async with database.transaction() as connection:
        for statement in (
            "ALTER TABLE sale_items DROP CONSTRAINT ck_sale_items_total",
            "UPDATE sale_items SET available = available - 1",
        ):
            await connection.execute(text(statement))
        [broken] = await AuditQueries(connection).items_out_of_balance()
        # The constraint comes back with the rollback.
        await connection.rollback()
    assert broken.total == broken.available + broken.held + broken.sold + 1


async def test_an_unbalanced_item_shows_its_figures_beside_the_sums(database: Database) -> None:
    item = await busy_sale(database)
    await damage(database, "UPDATE sale_items SET held = held + 3, available = available - 3")
    async with database.transaction() as connection:
        [broken] = await AuditQueries(connection).items_out_of_balance()
    assert broken.ref == item.ref
    assert (broken.held, broken.held_by_orders, broken.held_moved) == (4, 1, 1)
    assert (broken.sold, broken.sold_by_orders, broken.sold_moved) == (2, 2, 2)
    assert (broken.total, broken.total_moved) == (25, 25)


async def test_a_status_changed_without_its_stock_is_named(database: Database) -> None:
    item = await busy_sale(database)
    lost = await place(database, item, "lost")
    await damage(
        database,
        "UPDATE orders SET status = 'cancelled' WHERE order_id = :order_id",
        order_id=lost.order_id,
    )
    assert await findings(database) == {"items": ["mug"], "movements": [lost.order_id]}


async def test_a_movement_that_vanished_is_named(database: Database) -> None:
    item = await busy_sale(database)
    order = await place(database, item, "lost")
    await damage(database, "DELETE FROM stock_movements WHERE order_id = :id", id=order.order_id)
    assert await findings(database) == {"items": ["mug"], "movements": [order.order_id]}


async def test_stock_held_for_an_order_nobody_wrote_is_named(database: Database) -> None:
    item = await busy_sale(database)
    ghost = an_order(item, "ghost")
    await damage(
        database,
        "INSERT INTO stock_movements (sale_id, sku_id, order_id, kind, quantity)"
        " VALUES ('noon', 'mug', :order_id, 'hold', 1)",
        order_id=ghost.order_id,
    )
    await damage(database, "UPDATE sale_items SET held = held + 1, available = available - 1")
    assert await findings(database) == {"items": ["mug"], "movements": [ghost.order_id]}


async def test_a_user_above_the_limit_is_named_with_the_orders(database: Database) -> None:
    item = await busy_sale(database)
    twice = [await place(database, item, "greedy") for _ in range(2)]
    await damage(database, "UPDATE sale_items SET per_user_limit = 1")
    assert await findings(database) == {"limits": ["greedy"]}
    async with database.transaction() as connection:
        [above] = await AuditQueries(connection).users_above_limit()
    assert set(above.orders) == {order.order_id for order in twice}
    assert (above.quantity, above.per_user_limit, above.sku_id) == (2, 1, item.sku_id)


async def test_orders_payments_and_gaps_are_read_in_batches(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_queries, "BATCH", 2)
    item = await open_item(database)
    other = await open_item(database, sale_id="evening")
    orders = [await place(database, item, f"user-{number}") for number in range(5)]
    await place(database, other)
    paid = [await pay(database, order) for order in orders[:3]]
    async with database.transaction() as connection:
        ask = AuditQueries(connection)
        of_item = [order async for order in ask.stock_orders(item.ref)]
        unfinished = [order.order_id async for order in ask.unfinished_orders()]
        money = [row async for row in ask.payment_money()]
        known = await ask.known_orders([orders[0].order_id, orders[4].order_id, "GONE"])
    assert [order.order_id for order in of_item] == [order.order_id for order in orders]
    assert of_item[0] == StockOrder(
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
