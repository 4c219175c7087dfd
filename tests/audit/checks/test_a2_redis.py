"""Redis that contradicts Postgres, or itself, is named by A2."""

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from audit.checks import a2_redis
from audit.checks.a2_redis import disagreement
from audit.item_rebuild import rebuild_item
from audit.queries import OrderRow
from audit.sources import AuditSources
from domain.reservation import Reservation, ReservationState
from domain.sale import Sale
from domain.states import OWNING_STOCK, OrderStatus
from infra.postgres.flights.settling import Money, SettlingFlights
from infra.postgres.sales import Sales
from infra.redis.keys import DIRECTORY, LIVE_ROOMS, ItemKeys, directory_line
from infra.redis.room_counts import RoomCounts
from tests.support.audited_orders import (
    assert_breaks,
    cancelled,
    check_of,
    dispatched,
    handle_of,
    paid,
)
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


def test_a2_what_is_paid_ahead_may_be_held_in_redis_and_what_is_handed_over_may_not() -> None:
    order = OrderRow(order_id="1", user_id="ada", quantity=1, status=OrderStatus.PAID)
    held = Reservation(
        order_id="1", user_id="ada", quantity=1, state=ReservationState.HELD, reserved_at_ms=1
    )
    sold = held.model_copy(update={"state": ReservationState.SOLD})
    released = held.model_copy(update={"state": ReservationState.RELEASED})

    assert disagreement(order, held) is None
    assert disagreement(order, sold) is None
    assert disagreement(order, released)
    assert disagreement(order, None)
    for status in OWNING_STOCK - {OrderStatus.PAID}:
        assert disagreement(order.model_copy(update={"status": status}), held)
    assert disagreement(order.model_copy(update={"status": OrderStatus.PENDING_PAYMENT}), sold)


async def test_a2_money_that_no_workflow_has_heard_of_is_no_drift(
    shop: Shop, sources: AuditSources
) -> None:
    """It is settled in Postgres, and Redis is confirmed by whoever hands the order over."""
    intent = await dispatched(shop, sources, "ada")
    payment = await shop.begin_payment(handle_of(shop, intent.order_id))
    receipt = shop.alipay.pay(payment.payment_id)
    await SettlingFlights(shop.database).settle(Money(intent.order_id, receipt))

    look = await a2_redis.look(sources)

    reservation = await shop.gate.reservation(intent.item, intent.order_id)
    assert reservation is not None
    assert reservation.state is ReservationState.HELD
    assert look.findings == {}


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


@pytest.mark.parametrize(
    ("field", "value"),
    [("paused", "1"), ("per_user_limit", "50"), ("ends_at_ms", "1"), ("item_number", "77")],
)
async def test_a2_terms_on_which_the_gate_sells_otherwise_than_postgres_says(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys, field: str, value: str
) -> None:
    await redis.hset(keys.item, field, value)

    report = await assert_breaks(sources, "A2")

    assert f"{field} is {value} in Redis and should be" in check_of(report, "A2").detail


async def test_a2_a_term_that_redis_has_lost(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    await redis.hdel(keys.item, "starts_at_ms")

    assert "starts_at_ms is missing in Redis" in (
        check_of(await assert_breaks(sources, "A2"), "A2").detail
    )


async def test_a2_a_room_that_keeps_units_for_nobody(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    counting = replace(sources, room_counts=RoomCounts(redis))
    await redis.sadd(LIVE_ROOMS, directory_line(shop.item.ref))
    await redis.hset(keys.item, "promised", 2)

    report = await assert_breaks(counting, "A2")

    assert "promised is 2 and should be 0" in check_of(report, "A2").detail
    assert await rebuild_item(counting, shop.item.ref)
    await assert_breaks(counting, "")


async def test_a2_an_item_that_is_missing_in_the_directory(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    await redis.delete(DIRECTORY)

    report = await assert_breaks(sources, "A2")

    assert "is missing in Redis' directory" in check_of(report, "A2").detail


async def test_what_is_over_and_has_nothing_waiting_may_be_struck_off_the_directory(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    ended = "UPDATE sales SET ends_at = now() - interval '1 minute', starts_at = '2020-01-01'"
    await damage(shop.database, ended)
    sale = (await all_sales(shop))[0]
    await shop.gate.preheat(sale.terms_of(sale.items[0]), 20)
    await redis.delete(DIRECTORY)

    await assert_breaks(sources, "")

    await redis.xadd(keys.intents, {"order_id": "nonsense"})

    await assert_breaks(sources, "A2")


async def all_sales(shop: Shop) -> list[Sale]:
    async with shop.database.transaction() as connection:
        return (await Sales(connection).page(None, 10))[0]


async def test_a_draft_need_not_be_in_redis(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    await damage(shop.database, "UPDATE sales SET status = 'draft'")
    await redis.delete(keys.item)

    await assert_breaks(sources, "")
