from domain.order import Order
from domain.states import OrderStatus
from infra.postgres.engine import Database
from infra.postgres.entitlements import Entitlements
from infra.postgres.orders import Orders
from tests.infra.postgres.ledger_words import an_order, open_item


async def _paid(database: Database) -> Order:
    order = an_order(await open_item(database), status=OrderStatus.PAID)
    async with database.transaction() as connection:
        await Orders(connection).insert(order)
    return order


async def test_an_order_gives_its_buyer_one_right(database: Database) -> None:
    order = await _paid(database)
    async with database.transaction() as connection:
        entitlements = Entitlements(connection)
        assert await entitlements.holds(order.order_id) is False
        assert await entitlements.grant(order) is True
        assert await entitlements.grant(order) is False
        assert await entitlements.holds(order.order_id) is True


async def test_a_revoked_right_does_not_come_back(database: Database) -> None:
    order = await _paid(database)
    async with database.transaction() as connection:
        entitlements = Entitlements(connection)
        assert await entitlements.revoke(order.order_id) is False
        await entitlements.grant(order)
        assert await entitlements.revoke(order.order_id) is True
        assert await entitlements.revoke(order.order_id) is False
        assert await entitlements.grant(order) is False
        assert await entitlements.holds(order.order_id) is False
