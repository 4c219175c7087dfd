"""Redis that contradicts Postgres, or itself, is named by A2."""

from redis.asyncio import Redis

from audit.sources import AuditSources
from infra.redis.keys import ItemKeys
from tests.support.audited_orders import assert_breaks, cancelled, check_of, dispatched, paid
from tests.support.ledger import damage
from tests.support.shop import Shop


async def test_a2_a_reservation_that_was_released_under_a_waiting_order(
    shop: Shop, sources: AuditSources
) -> None:
    await dispatched(shop, sources, "bob")
    intent = await dispatched(shop, sources, "ada")
    await shop.gate.release(intent.item, intent.order_id)

    report = await assert_breaks(sources, "A2", intent.order_id)

    assert "pending_payment, but its reservation is released" in check_of(report, "A2").detail


async def test_a2_a_cancelled_order_that_still_holds_stock(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    intent = await cancelled(shop, sources, "ada")
    await redis.hset(keys.reservations, intent.order_id, "held 1 1 ada")
    await redis.hset(keys.buyers, "ada", f"1 {intent.order_id}")
    await redis.hincrby(keys.item, "stock", -1)

    await assert_breaks(sources, "A2", intent.order_id)


async def test_a2_a_sold_order_that_redis_still_calls_held(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    intent = await paid(shop, sources, "ada")
    await redis.hset(keys.reservations, intent.order_id, "held 1 1 ada")

    await assert_breaks(sources, "A2", intent.order_id)


async def test_a2_a_reservation_of_another_size(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    intent = await paid(shop, sources, "ada")
    await redis.hset(keys.reservations, intent.order_id, "sold 2 1 ada")

    await assert_breaks(sources, "A2", intent.order_id)


async def test_a2_a_unit_too_many_in_redis(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    await paid(shop, sources, "ada")
    await redis.hincrby(keys.item, "stock", 1)

    report = await assert_breaks(sources, "A2")

    assert "stock in Redis is 20, total - live reservations is 20 - 1 = 19" in (
        check_of(report, "A2").detail
    )


async def test_a2_a_buyer_who_is_counted_wrongly(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    intent = await paid(shop, sources, "ada")
    await redis.hset(keys.buyers, "ada", f"3 {intent.order_id}")

    report = await assert_breaks(sources, "A2")

    assert "Redis counts 3 units for user ada, who has 1" in check_of(report, "A2").detail


async def test_a2_an_item_that_redis_has_forgotten(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    intent = await paid(shop, sources, "ada")
    await redis.delete(keys.item, keys.buyers, keys.reservations)

    report = await assert_breaks(sources, "A2", intent.order_id)

    assert "item teapot" in check_of(report, "A2").detail
    assert "is missing in Redis" in check_of(report, "A2").detail


async def test_a_draft_need_not_be_in_redis(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    await damage(shop.database, "UPDATE sales SET status = 'draft'")
    await redis.delete(keys.item)

    await assert_breaks(sources, "")
