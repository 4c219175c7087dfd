import asyncio

from domain.delivery import DeliveryKind
from domain.order import Order
from infra.postgres.engine import Database
from infra.postgres.entitlements import Entitlements
from tests.support.ledger import damage, deliver, is_entitled, open_item, pay, place


async def _paid(database: Database) -> Order:
    order = await place(database, await open_item(database))
    await pay(database, order)
    return order


async def _revoke(database: Database, order: Order) -> bool:
    async with database.transaction() as connection:
        return await Entitlements(connection).revoke(order.order_id)


async def _owe_again(database: Database) -> None:
    await damage(database, "UPDATE deliveries SET status = 'pending'")


async def test_an_order_gives_its_buyer_one_right(database: Database) -> None:
    order = await _paid(database)
    assert await is_entitled(database, order.order_id) is False
    deliveries = (deliver(database, order, DeliveryKind.ENTITLEMENT) for _ in range(4))
    await asyncio.gather(*deliveries)
    assert await is_entitled(database, order.order_id) is True


async def test_a_revoked_right_does_not_come_back(database: Database) -> None:
    order = await _paid(database)
    assert await _revoke(database, order) is False
    await deliver(database, order, DeliveryKind.ENTITLEMENT)
    assert await _revoke(database, order) is True
    assert await _revoke(database, order) is False
    await _owe_again(database)
    await deliver(database, order, DeliveryKind.ENTITLEMENT)
    assert await is_entitled(database, order.order_id) is False
