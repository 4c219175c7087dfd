"""Stock an order gave back, taken again for money that came late."""

import asyncio

from redis.asyncio import Redis

from domain.reservation import ReservationState, StockReturn
from infra.redis.stock_gate import StockGate
from tests.support.gate import (
    ITEM,
    buyers_of,
    intent_for,
    request_for,
    stock_left,
    terms_of,
)


async def _given_back(gate: StockGate, *, stock: int = 1, limit: int = 1) -> None:
    await gate.preheat(terms_of(limit=limit), stock)
    await gate.reserve(request_for("A"))
    await gate.release(ITEM, "A")


async def _state(gate: StockGate) -> ReservationState | None:
    reservation = await gate.reservation(ITEM, "A")
    return reservation.state if reservation else None


async def test_takes_stock_and_limit_again_once(gate: StockGate, redis: Redis) -> None:
    await _given_back(gate)

    answers = await asyncio.gather(*(gate.reclaim(intent_for("A")) for _ in range(5)))

    assert all(answers)
    assert await _state(gate) is ReservationState.HELD
    assert await stock_left(gate) == 0
    assert await buyers_of(redis) == {intent_for("A").user_id: 1}


async def test_is_refused_when_the_stock_is_gone(gate: StockGate) -> None:
    await _given_back(gate)
    await gate.reserve(request_for("B", user_id="somebody else"))

    assert await gate.reclaim(intent_for("A")) is False
    assert await _state(gate) is ReservationState.RELEASED
    assert await stock_left(gate) == 0


async def test_is_refused_when_the_buyer_has_another_unit_by_now(gate: StockGate) -> None:
    await _given_back(gate, stock=5)
    await gate.reserve(request_for("B"))

    assert await gate.reclaim(intent_for("A")) is False
    assert await stock_left(gate) == 4


async def test_works_for_an_order_redis_has_forgotten(gate: StockGate) -> None:
    await gate.preheat(terms_of(), 1)

    assert await gate.reclaim(intent_for("A")) is True
    assert await stock_left(gate) == 0


async def test_of_what_is_sold_changes_nothing(gate: StockGate) -> None:
    await gate.preheat(terms_of(), 1)
    await gate.reserve(request_for("A"))
    await gate.sell(intent_for("A"))

    assert await gate.reclaim(intent_for("A")) is True
    assert await _state(gate) is ReservationState.SOLD


async def test_of_an_unknown_item_holds_nothing(gate: StockGate) -> None:
    assert await gate.reclaim(intent_for("A")) is False
    assert await gate.reservation(ITEM, "A") is None


async def test_released_for_good_a_reclaim_still_on_its_way_fails(
    gate: StockGate, redis: Redis
) -> None:
    await _given_back(gate)
    await gate.reclaim(intent_for("A"))
    for _ in range(2):
        assert await gate.release(ITEM, "A", StockReturn.UNDO_RECLAIM) is ReservationState.RELEASED

    assert await gate.reclaim(intent_for("A")) is False
    assert await stock_left(gate) == 1
    assert await buyers_of(redis) == {}


async def test_released_for_good_before_the_reclaim_came_it_fails_too(gate: StockGate) -> None:
    await _given_back(gate)
    await gate.release(ITEM, "A", StockReturn.UNDO_RECLAIM)

    assert await gate.reclaim(intent_for("A")) is False
    assert await stock_left(gate) == 1
