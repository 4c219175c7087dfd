"""A sale that is sound in every way, and what the audit's rules find in it."""

from audit.checks.a1_stock import items_out_of_balance, stray_movements
from audit.checks.a3_limits import users_above_limit
from audit.checks.a5_money import orders_with_wrong_money
from audit.checks.a6_points import (
    accounts_out_of_balance,
    awards_out_of_balance,
    orders_out_of_balance,
)
from domain.order import Order
from domain.payment import Payment, PaymentMethod
from domain.sale import Item
from domain.states import OrderStatus
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.points import Points
from tests.support.ledger import award, cancel, damage, give_back, open_item, pay, place
from tests.support.values import POINTS_PRICE, PRICE, an_order


async def pay_with_points(database: Database, order: Order) -> Payment:
    async with database.transaction() as connection:
        await Points(connection).grant(order.user_id, POINTS_PRICE, "welcome")
        await Points(connection).debit(order.order_id, order.user_id, POINTS_PRICE)
    return await pay(database, order, PaymentMethod.POINTS, POINTS_PRICE)


async def give_points_back(database: Database, order: Order, payment: Payment) -> None:
    await give_back(database, order, payment)
    async with database.transaction() as connection:
        await Points(connection).credit(order.order_id, order.user_id, POINTS_PRICE)


async def busy_sale(database: Database) -> Item:
    """One order at each end of its way, all of it sound."""
    item = await open_item(database, stock=20)
    await place(database, item, "waiting")
    paid = await place(database, item, "paid")
    await pay(database, paid)
    await award(database, paid, PRICE // 100)
    await pay_with_points(database, await place(database, item, "paid-by-points"))
    await cancel(database, await place(database, item, "cancelled"))
    refunded, repaid = await place(database, item, "refunded"), await place(database, item, "bob")
    await give_back(database, refunded, await pay(database, refunded))
    await give_points_back(database, repaid, await pay_with_points(database, repaid))
    async with database.transaction() as connection:
        await Orders(connection).insert(an_order(item, "rejected", status=OrderStatus.REJECTED))
    await _restock(database, 5)
    return item


async def _restock(database: Database, units: int) -> None:
    """New units come by hand."""
    await damage(
        database,
        "INSERT INTO stock_movements (sale_id, sku_id, kind, quantity)"
        " VALUES ('noon', 'mug', 'restock', :units)",
        units=units,
    )
    await damage(
        database,
        "UPDATE sale_items SET total = total + :units, available = available + :units",
        units=units,
    )


async def findings(database: Database) -> dict[str, list[str]]:
    """What each rule names, by rule; the silent ones left out."""
    async with database.transaction() as connection:
        found = {
            "items": [item.sku_id for item in await items_out_of_balance(connection)],
            "movements": [stray.order_id for stray in await stray_movements(connection)],
            "limits": [user.user_id for user in await users_above_limit(connection)],
            "money": [order.order_id for order in await orders_with_wrong_money(connection)],
            "accounts": [account.user_id for account in await accounts_out_of_balance(connection)],
            "points": [order.order_id for order in await orders_out_of_balance(connection)],
            "awards": [order.order_id for order in await awards_out_of_balance(connection)],
        }
    return {rule: named for rule, named in found.items() if named}
