"""One line is written as it should be, and all that is counted of it follows."""

import pytest
from redis.asyncio import Redis

from infra.redis.keys import ItemKeys
from infra.redis.reservation_mending import LineChange, Mend, ReservationMending
from infra.redis.stock_gate import StockGate
from tests.support.gate import ITEM, OTHER_ITEM, buyers_of, request_for, stock_left, terms_of

KEYS = ItemKeys.of(ITEM)
HELD, SOLD, RELEASED = "held 2 5 ada", "sold 2 5 ada", "released 2 5 ada"


@pytest.mark.parametrize(
    ("seen", "should", "left", "held", "buyers"),
    [
        ("", HELD, 1, "4", {"ada": 2, "buyer": 2}),
        ("", SOLD, 1, "2", {"ada": 2, "buyer": 2}),
        (HELD, SOLD, 1, "2", {"ada": 2, "buyer": 2}),
        (SOLD, HELD, 1, "4", {"ada": 2, "buyer": 2}),
        (SOLD, RELEASED, 3, "2", {"buyer": 2}),
        (HELD, "held 1 5 bob", 2, "3", {"bob": 1, "buyer": 2}),
        (RELEASED, HELD, 1, "4", {"ada": 2, "buyer": 2}),
    ],
)
async def test_stock_buyers_and_what_is_held_follow(
    gate: StockGate,
    redis: Redis,
    seen: str,
    should: str,
    left: int,
    held: str,
    buyers: dict[str, int],
) -> None:
    mending = ReservationMending(redis)
    await gate.preheat(terms_of(limit=5), 5)
    await gate.reserve(request_for("A", user_id="buyer", quantity=2))
    if seen:
        assert await mending.mend(ITEM, [LineChange("X", "", seen)]) == [Mend.MENDED]

    assert await mending.mend(ITEM, [LineChange("X", seen, should)]) == [Mend.MENDED]
    # Again it has moved: it is what it should be.
    assert await mending.mend(ITEM, [LineChange("X", seen, should)]) == [Mend.MOVED]

    assert await mending.lines(ITEM, ["X", "Y"]) == {"X": should, "Y": ""}
    assert await stock_left(gate) == left
    assert await redis.hget(KEYS.item, "held") == held
    assert await buyers_of(redis) == buyers
    tally = await gate.tally(ITEM)
    assert (tally.miscounted, tally.held_units) == ({}, int(held))


async def test_what_is_not_there_is_not_given(gate: StockGate, redis: Redis) -> None:
    mending = ReservationMending(redis)
    await gate.preheat(terms_of(), 1)

    assert await mending.mend(ITEM, [LineChange("X", "", HELD)]) == [Mend.SHORT]
    assert await mending.mend(OTHER_ITEM, [LineChange("X", "", HELD)]) == [Mend.UNKNOWN]
    assert await mending.mend(ITEM, []) == []

    assert await stock_left(gate) == 1
    assert await mending.lines(ITEM, ["X"]) == {"X": ""}
    assert [await mending.knows(item) for item in (ITEM, OTHER_ITEM)] == [True, False]
