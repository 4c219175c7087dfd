"""What stands in Postgres is held in Redis, whatever Redis knows of it."""

import pytest
from redis.asyncio import Redis

from domain.reservation import ReservationState, StockReturn
from infra.redis.stock_gate import StockGate
from tests.support.gate import ITEM, buyers_of, intent_for, request_for, stock_left, terms_of

STOCK = 3


@pytest.fixture
async def gate(redis: Redis) -> StockGate:
    gate = StockGate(redis)
    await gate.preheat(terms_of(limit=2), STOCK)
    return gate


async def test_what_is_held_or_sold_stays_as_it_is(gate: StockGate) -> None:
    await gate.reserve(request_for("o1"))
    await gate.reserve(request_for("o2"))
    await gate.sell(intent_for("o2"))

    for order_id in ("o1", "o2"):
        assert await gate.hold(intent_for(order_id)) == 0

    states = await gate.reservations_of(ITEM, ["o1", "o2"])
    assert [one.state for one in states.values()] == [ReservationState.HELD, ReservationState.SOLD]
    assert await stock_left(gate) == STOCK - 2


@pytest.mark.parametrize("was_released", [True, False])
async def test_what_was_lost_or_released_is_held_again_once(
    gate: StockGate, redis: Redis, was_released: bool
) -> None:
    """And the buyer's limit is not asked for: Postgres has counted."""
    await gate.reserve(request_for("o2", quantity=2))
    if was_released:
        await gate.release(ITEM, "o1")

    for _ in range(2):
        assert await gate.hold(intent_for("o1")) == 0

    assert await stock_left(gate) == 0
    assert await buyers_of(redis) == {"alice": 3}


async def test_of_what_others_were_granted_nothing_comes_back(gate: StockGate) -> None:
    await gate.reserve(request_for("o2", "bob", 2))

    assert await gate.hold(intent_for("o1", quantity=2)) == 1

    assert await gate.release(ITEM, "o1", StockReturn.RELEASE) is ReservationState.RELEASED
    assert await stock_left(gate) == 1


async def test_an_unknown_item_holds_nothing(redis: Redis) -> None:
    assert await StockGate(redis).hold(intent_for("o1")) is None
