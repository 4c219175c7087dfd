"""Who orders and cancels in a circle, or never repeats a key, takes no more room for it."""

from functools import cache

import pytest
from redis.asyncio import Redis

from domain.ids import new_order_id
from domain.reservation import GateVerdict, ReservationState, StockReturn
from infra.redis.keys import ItemKeys
from infra.redis.stock_gate import StockGate
from tests.support.gate import ITEM, intent_for, request_for, stock_left, terms_of

KEYS = ItemKeys.of(ITEM)
KEPT = 64
ROUNDS = 200


@cache
def order(n: int) -> str:
    return new_order_id(1, 1_700_000_000_000 + n)


@pytest.fixture
async def circled(gate: StockGate) -> list[str]:
    """Orders that ada placed and cancelled one after another, each under a key of its own."""
    await gate.preheat(terms_of(limit=1), 5)
    order_ids = [order(n) for n in range(ROUNDS)]
    for order_id in order_ids:
        answer = await gate.reserve(request_for(order_id, "ada", key=f"key of {order_id}"))
        assert answer.verdict is GateVerdict.RESERVED
        assert await gate.release(ITEM, order_id) is ReservationState.RELEASED
    return order_ids


async def test_a_circle_of_orders_and_cancels_leaves_a_bounded_number_of_lines(
    gate: StockGate, redis: Redis, circled: list[str]
) -> None:
    kept = {reservation.order_id async for reservation in gate.reservations(ITEM)}
    assert kept == set(circled[-KEPT:])
    assert await redis.hlen(KEYS.requests) == 1
    assert await redis.hlen(KEYS.past) == 1
    keys = str(await redis.hget(KEYS.requests, "uada")).split("\n")
    assert len(keys) == KEPT
    assert await stock_left(gate) == 5
    assert (await gate.tally(ITEM)).miscounted == {}


async def test_the_newest_keys_are_still_answered_with_their_orders(
    gate: StockGate, circled: list[str]
) -> None:
    for earlier in circled[-KEPT:]:
        again = await gate.reserve(request_for(order(999), "ada", key=f"key of {earlier}"))
        assert (again.verdict, again.order_id) == (GateVerdict.RESERVED, earlier)
        other = await gate.reserve(request_for(order(999), "ada", 2, key=f"key of {earlier}"))
        assert other.verdict is GateVerdict.IDEMPOTENCY_MISMATCH
    assert await stock_left(gate) == 5


async def test_what_is_held_or_sold_is_never_forgotten(gate: StockGate, redis: Redis) -> None:
    await gate.preheat(terms_of(limit=10), 10)
    held, sold, reclaimed = order(1), order(2), order(3)
    for order_id in (held, sold, reclaimed):
        await gate.reserve(request_for(order_id, "ada"))
    await gate.sell(intent_for(sold, "ada"))
    await gate.release(ITEM, reclaimed)
    assert await gate.reclaim(intent_for(reclaimed, "ada"))

    for n in range(10, 10 + ROUNDS):
        await gate.reserve(request_for(order(n), "ada"))
        await gate.release(ITEM, order(n), StockReturn.RELEASE)

    found = await gate.reservations_of(ITEM, [held, sold, reclaimed])
    assert [found[order_id].state for order_id in (held, sold, reclaimed)] == [
        ReservationState.HELD,
        ReservationState.SOLD,
        ReservationState.HELD,
    ]
    assert await redis.hlen(KEYS.reservations) == KEPT + 3


async def test_buyers_do_not_push_each_other_out(gate: StockGate) -> None:
    await gate.preheat(terms_of(limit=1), 500)
    for n in range(ROUNDS):
        await gate.reserve(request_for(order(n), f"user {n}", key="k"))
        await gate.release(ITEM, order(n))
    for n in range(ROUNDS):
        again = await gate.reserve(request_for(order(999), f"user {n}", key="k"))
        assert again.order_id == order(n)


async def test_a_key_that_the_release_before_this_one_kept_is_still_answered(
    gate: StockGate, redis: Redis
) -> None:
    await gate.preheat(terms_of(limit=5), 5)
    await redis.hset(KEYS.requests, "3:adathe key", f"2 {order(1)}")

    again = await gate.reserve(request_for(order(2), "ada", 2, key="the key"))
    other = await gate.reserve(request_for(order(2), "ada", 1, key="the key"))

    assert (again.verdict, again.order_id) == (GateVerdict.RESERVED, order(1))
    assert other.verdict is GateVerdict.IDEMPOTENCY_MISMATCH


async def test_keys_of_users_with_odd_names_are_their_own(gate: StockGate) -> None:
    """A user's name is free text; a key may hold spaces."""
    await gate.preheat(terms_of(limit=9), 50)
    said = [("3:ada", "k"), ("ada", "3:k"), ("u", "ada k"), ("uada", "k"), ("a\nb", "1 x k")]
    for n, (user, key) in enumerate(said):
        await gate.reserve(request_for(order(n), user, key=key))
    for n, (user, key) in enumerate(said):
        again = await gate.reserve(request_for(order(99), user, key=key))
        assert again.order_id == order(n)
