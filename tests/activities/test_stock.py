"""What an order holds in Redis goes back as it should, by today's words and by those of before."""

from collections.abc import Mapping

import pytest
from redis.asyncio import Redis

from activities.stock import ReleaseStock, StockActivities
from domain.reservation import GateVerdict, Intent, ReservationState, StockReturn
from infra.redis.stock_gate import StockGate
from tests.support.gate import intent_for, request_for, stock_left, terms_of

STOCK = 3


@pytest.fixture
async def gate(redis: Redis) -> StockGate:
    gate = StockGate(redis)
    await gate.preheat(terms_of(), STOCK)
    return gate


async def _state(gate: StockGate, intent: Intent) -> ReservationState | None:
    reservation = await gate.reservation(intent.item, intent.order_id)
    return reservation.state if reservation else None


async def _after(
    gate: StockGate, intent: Intent, how: StockReturn
) -> tuple[ReservationState | None, int | None]:
    await StockActivities(gate).release_stock(ReleaseStock(intent=intent, how=how))
    return await _state(gate, intent), await stock_left(gate)


@pytest.mark.parametrize(
    ("how", "left"),
    [(StockReturn.RELEASE, STOCK), (StockReturn.DROP, STOCK - 1), (StockReturn.RESTOCK, STOCK)],
)
async def test_what_was_held_is_given_up(gate: StockGate, how: StockReturn, left: int) -> None:
    await gate.reserve(request_for("o1"))
    intent = intent_for("o1")

    assert await _after(gate, intent, how) == (ReservationState.RELEASED, left)
    assert await _after(gate, intent, how) == (ReservationState.RELEASED, left)


@pytest.mark.parametrize("how", list(StockReturn))
async def test_what_was_sold_comes_back_by_a_refund_alone(
    gate: StockGate, how: StockReturn
) -> None:
    activities = StockActivities(gate)
    await gate.reserve(request_for("o1"))
    intent = intent_for("o1")
    await activities.confirm_stock(intent)

    refunded = how is StockReturn.RESTOCK
    state = ReservationState.RELEASED if refunded else ReservationState.SOLD
    assert await _after(gate, intent, how) == (state, STOCK if refunded else STOCK - 1)


async def test_a_reserve_that_comes_after_its_undo_holds_nothing(gate: StockGate) -> None:
    intent = intent_for("o1")
    nothing_held = ReservationState.RELEASED, STOCK
    assert await _after(gate, intent, StockReturn.RELEASE) == nothing_held

    refused = await gate.reserve(request_for("o1"))

    assert refused.verdict is GateVerdict.RELEASED
    assert await stock_left(gate) == STOCK


@pytest.mark.parametrize("how", [StockReturn.RELEASE, StockReturn.UNDO_RECLAIM])
async def test_a_reclaim_that_comes_after_its_undo_fails(gate: StockGate, how: StockReturn) -> None:
    activities = StockActivities(gate)
    await gate.reserve(request_for("o1"))
    intent = intent_for("o1")
    await _after(gate, intent, how)

    is_still_to_be_had = how is StockReturn.RELEASE
    assert await activities.reclaim_stock(intent) is is_still_to_be_had
    assert await stock_left(gate) == (STOCK - 1 if is_still_to_be_had else STOCK)


@pytest.mark.parametrize(
    ("words", "how"),
    [
        ({}, StockReturn.RELEASE),
        ({"return_stock": True, "sold": False, "for_good": False}, StockReturn.RELEASE),
        ({"return_stock": False, "sold": False, "for_good": False}, StockReturn.DROP),
        ({"return_stock": True, "sold": True, "for_good": False}, StockReturn.RESTOCK),
        ({"return_stock": True, "sold": False, "for_good": True}, StockReturn.UNDO_RECLAIM),
        ({"how": "restock"}, StockReturn.RESTOCK),
    ],
)
def test_the_words_of_before_are_read(words: Mapping[str, object], how: StockReturn) -> None:
    told = {"intent": intent_for("o1").model_dump(), **words}

    assert ReleaseStock.model_validate(told).how is how
