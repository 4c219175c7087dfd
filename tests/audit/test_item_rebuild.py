"""What Redis lost is written again from Postgres, and nobody who was accepted is forgotten."""

from dataclasses import replace
from functools import partial

import pytest
from redis.asyncio import Redis

from audit.item_rebuild import as_far_as_stock_goes, as_ordered
from audit.queries import OrderRow
from audit.repair import repair
from audit.run import run_audit
from audit.sources import AuditSources
from domain.ids import new_order_id
from domain.reservation import Reservation, ReservationState
from domain.room import NUMBERS_LEFT_OUT
from domain.states import OrderStatus
from infra.postgres.rooms import Rooms, keep_tickets
from infra.redis.keys import ItemKeys
from infra.room_recovery import RoomRecovery
from tests.support.audited_orders import (
    broken_checks,
    cancelled,
    dispatched,
    has_status,
    paid,
)
from tests.support.gate import buyers_of, stock_left
from tests.support.intent_groups import start_all
from tests.support.polling import until
from tests.support.room_tickets import joined, ticket
from tests.support.shop import Shop


async def test_a_redis_that_lost_everything_is_rebuilt_from_postgres(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    await dispatched(shop, sources, "ada", 2)
    await paid(shop, sources, "bob")
    await cancelled(shop, sources, "cyd")
    await redis.flushall()
    assert broken_checks(await run_audit(sources)) == {"A2"}

    repairs = await repair(sources)

    assert repairs.rebuilt == (f"{shop.item.sale_id}/teapot",)
    assert (await run_audit(sources)).ok
    assert await shop.counts() == (17, 2, 1, 17)
    assert (await shop.gate.terms(shop.item.ref)).paused is False  # type: ignore[union-attr]


async def test_a_rebuild_keeps_what_is_accepted_and_still_waits(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    await paid(shop, sources, "ada")
    waiting = await shop.intent("bob", 2)
    await redis.hincrby(ItemKeys.of(shop.item.ref).item, "stock", 5)

    await repair(sources)

    assert (await run_audit(sources)).ok
    assert await stock_left(shop.gate, shop.item.ref) == 17
    assert await buyers_of(redis, shop.item.ref) == {"ada": 1, "bob": 2}
    await shop.start(waiting)
    await start_all(shop.redis)
    await until(partial(has_status, shop.database, waiting, OrderStatus.PENDING_PAYMENT))
    assert (await run_audit(sources)).ok


async def test_an_intent_whose_reservation_was_lost_gets_its_stock_again(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    intent = await shop.intent("bob", 2)
    keys = ItemKeys.of(shop.item.ref)
    await redis.delete(keys.item, keys.reservations, keys.buyers)

    await repair(sources)

    line = await shop.gate.reservation(shop.item.ref, intent.order_id)
    assert line is not None
    assert line.user_id == "bob"
    assert await stock_left(shop.gate, shop.item.ref) == 18


async def test_a_room_comes_back_with_its_item(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    rooms = RoomRecovery(shop.database, redis)
    sources, ref = replace(sources, rooms=rooms), shop.item.ref
    async with shop.database.driver() as driver, driver.transaction():
        assert await keep_tickets(driver, ref, [joined(ticket("ada", 0))]) == []
    async with shop.database.transaction() as connection:
        await Rooms(connection).keep(ref, 1, 0)
    await redis.flushall()
    report = await run_audit(sources)
    assert "the room of item teapot" in " ".join(check.detail for check in report.checks)

    await repair(sources)

    state = await rooms.state(ref)
    assert state is not None
    assert (state.next_number, state.waiting) == (1 + NUMBERS_LEFT_OUT, 1)
    assert (await run_audit(sources)).ok


def reserved(order_id: str, at_ms: int, quantity: int = 1) -> Reservation:
    return Reservation(
        order_id=order_id,
        user_id="ada",
        quantity=quantity,
        state=ReservationState.HELD,
        reserved_at_ms=at_ms,
    )


def ordered(status: OrderStatus) -> OrderRow:
    order_id = new_order_id(1, 1_900_000_000_000)
    return OrderRow(order_id=order_id, user_id="bob", quantity=2, status=status)


def test_who_came_first_keeps_the_units_and_who_finds_none_is_released() -> None:
    ahead = [reserved("late", 3), reserved("first", 1, 2), reserved("greedy", 2, 2)]

    kept = as_far_as_stock_goes(ahead, units=3)

    assert [(one.order_id, one.state) for one in kept] == [
        ("first", ReservationState.HELD),
        ("greedy", ReservationState.RELEASED),
        ("late", ReservationState.HELD),
    ]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (OrderStatus.PENDING_PAYMENT, ReservationState.HELD),
        (OrderStatus.PAID, ReservationState.SOLD),
        (OrderStatus.REFUNDING, ReservationState.SOLD),
        (OrderStatus.CANCELLED, ReservationState.RELEASED),
    ],
)
def test_the_order_decides_what_its_reservation_is(
    status: OrderStatus, state: ReservationState
) -> None:
    assert as_ordered(ordered(OrderStatus.CANCELLED), None) is None
