"""Who has more than the limit is named by A3."""

from redis.asyncio import Redis

from audit.checks.a3_limits import users_above_limit
from audit.sources import AuditSources
from infra.postgres.engine import Database
from infra.redis.keys import ItemKeys
from tests.support.audited_orders import assert_breaks, dispatched, paid
from tests.support.ledger import damage, place
from tests.support.shop import Shop
from tests.support.sound_sale import busy_sale, findings


async def test_a3_a_user_with_more_than_the_limit(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    first = await paid(shop, sources, "ada")
    second = await dispatched(shop, sources, "ada")
    await paid(shop, sources, "bob")
    await damage(shop.database, "UPDATE sale_items SET per_user_limit = 1")
    await redis.hset(keys.item, "per_user_limit", "1")

    await assert_breaks(sources, "A3", first.order_id, second.order_id)


async def test_a_user_above_the_limit_is_named_with_the_orders(database: Database) -> None:
    item = await busy_sale(database)
    twice = [await place(database, item, "greedy") for _ in range(2)]
    await damage(database, "UPDATE sale_items SET per_user_limit = 1")
    assert await findings(database) == {"limits": ["greedy"]}
    async with database.transaction() as connection:
        [above] = await users_above_limit(connection)
    assert set(above.orders) == {order.order_id for order in twice}
    assert (above.quantity, above.per_user_limit, above.sku_id) == (2, 1, item.sku_id)
