"""The ledger of an old sale leaves, and every sum proves on the way."""

import asyncio

import pytest
from sqlalchemy import func, select

from domain.order import Order
from domain.states import OrderStatus
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.points import Points
from infra.postgres.tables.catalogue import metadata
from tests.support.ledger import damage
from tests.support.old_sales import SALE, an_old_sale, due, is_sound, move
from tests.support.sound_sale import findings
from tests.support.values import POINTS_PRICE, PRICE

LEDGER = ("orders", "payments", "payment_flows", "points_entries", "stock_movements")
WAITS = 1


async def _counts(database: Database, prefix: str = "") -> dict[str, int]:
    """Rows of orders."""
    counts = {}
    async with database.transaction() as connection:
        for name in LEDGER:
            table = metadata.tables[prefix + name]
            query = select(func.count()).where(table.c.order_id.is_not(None))
            counts[name] = (await connection.execute(query)).scalar_one()
    return counts


async def _orders(database: Database) -> list[Order]:
    async with database.transaction() as connection:
        return (await Orders(connection).search(limit=100))[0]


async def test_it_goes_batch_by_batch_and_every_sum_proves_all_the_way(database: Database) -> None:
    await an_old_sale(database)
    await is_sound(database)
    before = await _counts(database)
    assert await due(database) == [SALE]

    moved = 0
    while gone := await move(database, limit=2):
        moved += gone
        assert await findings(database) == {}

    assert [order.status for order in await _orders(database)] == [OrderStatus.PENDING_PAYMENT]
    assert moved == before["orders"] - WAITS
    left, archived = await _counts(database), await _counts(database, "archived_")
    assert before == {table: left[table] + archived[table] for table in LEDGER}
    assert left == {**dict.fromkeys(LEDGER, 0), "orders": WAITS, "stock_movements": WAITS}
    async with database.transaction() as connection:
        points = Points(connection)
        assert await points.balance("paid") == PRICE // 100
        assert await points.balance("bob") == POINTS_PRICE
        assert await points.page("paid", None, 10) == ([], None)


async def test_two_rounds_at_once_move_each_order_once(database: Database) -> None:
    await an_old_sale(database)
    await is_sound(database)
    orders = len(await _orders(database)) - WAITS

    moved = await asyncio.gather(*(move(database, limit=3) for _ in range(6)))

    assert sum(moved) <= orders
    assert sum(moved) + await move(database) == orders
    assert await findings(database) == {}


async def test_only_what_has_left_redis_and_was_found_sound_since_is_due(
    database: Database,
) -> None:
    await an_old_sale(database)
    assert await due(database) == []
    await is_sound(database)
    assert await due(database) == [SALE]

    for still_in_use in (
        "UPDATE sale_items SET retired_at = NULL",
        "UPDATE sale_items SET retired_at = now() + interval '1 day'",
    ):
        await damage(database, still_in_use)
        assert await due(database) == []


OPEN = {
    "an attention": "INSERT INTO attentions (kind, subject, order_id, what, advice)"
    " VALUES ('step_stuck', 's', :order_id, '', '')",
    "a refund": "INSERT INTO refunds (refund_id, order_id, payment_id, method, trade_no, amount,"
    " currency, reason, note, status, requested_by) VALUES"
    " ('R', :order_id, 'P', 'alipay', 'T', 1, 'CNY', 'partial', '', 'failed', 'buyer:ada')",
    "points that are owed": "INSERT INTO points_debts (order_id, user_id, owed)"
    " VALUES (:order_id, 'paid', 1)",
    "a delivery": "INSERT INTO deliveries (order_id, kind, status)"
    " VALUES (:order_id, 'message', 'failed')",
    "a payment to ask about": "UPDATE payments SET status = 'created', ask_at = now()"
    " WHERE order_id = :order_id",
    "money that moved of late": "UPDATE payment_flows SET at = now() + interval '2 days'"
    " WHERE order_id = :order_id",
    "a notice": "INSERT INTO payment_notices (notice_id, method, provider_notice_id, kind,"
    " verdict, order_id, body, headers) VALUES"
    " ('n', 'alipay', 'n', 'payment', 'accepted', :order_id, '', '{}')",
}


@pytest.mark.parametrize("statement", OPEN.values(), ids=OPEN.keys())
async def test_an_order_of_which_something_is_open_stays_and_keeps_no_other(
    database: Database, statement: str
) -> None:
    await an_old_sale(database)
    (order,) = [one for one in await _orders(database) if one.user_id == "paid"]
    await damage(database, statement, order_id=order.order_id)

    await move(database)

    assert {one.user_id for one in await _orders(database)} == {"waiting", "paid"}
