import asyncio

import pytest
from redis.asyncio import Redis

from domain.ids import new_order_id
from domain.reservation import GateAnswer, GateVerdict, Reservation, ReservationState, StockReturn
from infra.redis.gate_commands import Verdict
from infra.redis.keys import ItemKeys
from infra.redis.stock_gate import StockGate
from tests.support.gate import (
    ITEM,
    OTHER_ITEM,
    buyers_of,
    eventually,
    intent_for,
    request_for,
    stock_left,
    stop_command,
    stream_of,
    terms_of,
)

KEYS = ItemKeys.of(ITEM)


async def announced(redis: Redis) -> list[str]:
    return [fields["order_id"] for fields in await stream_of(redis, KEYS.intents)]


class TestRelease:
    async def test_gives_stock_and_limit_back_once(self, gate: StockGate, redis: Redis) -> None:
        await gate.preheat(terms_of(limit=1), 5)
        await gate.reserve(request_for("A"))
        for _ in range(2):
            assert await gate.release(ITEM, "A") is ReservationState.RELEASED
        assert await stock_left(gate) == 5
        assert await buyers_of(redis) == {}
        assert (await gate.reserve(request_for("B"))).verdict is GateVerdict.RESERVED

    async def test_of_an_unknown_order_keeps_a_late_reserve_from_holding_stock(
        self, gate: StockGate
    ) -> None:
        await gate.preheat(terms_of(), 5)
        assert await gate.release(ITEM, "A") is None
        assert (await gate.reserve(request_for("A"))).verdict is GateVerdict.RELEASED
        assert await stock_left(gate) == 5

    async def test_leaves_a_sold_reservation_alone_unless_it_is_refunded(
        self, gate: StockGate
    ) -> None:
        await gate.preheat(terms_of(), 5)
        await gate.reserve(request_for("A"))
        await gate.sell(intent_for("A"))
        assert await gate.release(ITEM, "A") is ReservationState.SOLD
        assert await stock_left(gate) == 4
        assert await gate.release(ITEM, "A", StockReturn.RESTOCK) is ReservationState.RELEASED
        assert await stock_left(gate) == 5

    async def test_can_drop_a_unit_that_never_was(self, gate: StockGate, redis: Redis) -> None:
        await gate.preheat(terms_of(), 5)
        await gate.reserve(request_for("A"))
        await gate.release(ITEM, "A", StockReturn.DROP)
        assert await stock_left(gate) == 4
        assert await buyers_of(redis) == {}

    async def test_makes_no_item_out_of_nothing(self, gate: StockGate) -> None:
        assert await gate.release(OTHER_ITEM, "A") is None
        assert await stock_left(gate, OTHER_ITEM) is None
        assert (await gate.reserve(request_for("B", item=OTHER_ITEM))).verdict is (
            GateVerdict.NOT_FOUND
        )


class TestConfirm:
    async def test_makes_a_held_reservation_sold_and_keeps_it_so(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await gate.preheat(terms_of(), 5)
        await gate.reserve(request_for("A"))
        for _ in range(2):
            assert await gate.sell(intent_for("A")) is ReservationState.SOLD
        assert await stock_left(gate) == 4
        assert await buyers_of(redis) == {"alice": 1}

    async def test_heals_a_reservation_that_redis_has_lost(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await gate.preheat(terms_of(limit=2), 5)
        for _ in range(2):
            assert await gate.sell(intent_for("A", quantity=2)) is ReservationState.SOLD
        assert await stock_left(gate) == 3
        assert await buyers_of(redis) == {"alice": 2}
        answer = await gate.reserve(request_for("B"))
        assert answer == GateAnswer(verdict=GateVerdict.LIMIT_REACHED, order_id="A")

    async def test_never_takes_the_stock_below_zero(self, gate: StockGate) -> None:
        await gate.preheat(terms_of(), 1)
        assert await gate.sell(intent_for("A", quantity=3)) is ReservationState.SOLD
        assert await stock_left(gate) == 0

    async def test_leaves_a_released_reservation_released(self, gate: StockGate) -> None:
        await gate.preheat(terms_of(), 5)
        await gate.reserve(request_for("A"))
        await gate.release(ITEM, "A")
        assert await gate.sell(intent_for("A")) is ReservationState.RELEASED
        assert await stock_left(gate) == 5

    async def test_of_an_unknown_item_does_nothing(self, gate: StockGate, redis: Redis) -> None:
        assert await gate.sell(intent_for("A")) is None
        assert await redis.keys("*") == []


class TestItems:
    async def test_preheating_again_changes_the_terms_and_never_the_stock(
        self, gate: StockGate
    ) -> None:
        await gate.preheat(terms_of(limit=1), 5)
        await gate.reserve(request_for("A"))
        await gate.preheat(terms_of(limit=3), 500)
        assert await stock_left(gate) == 4
        assert await gate.terms(ITEM) == terms_of(limit=3)
        assert await gate.remaining(ITEM) == 4

    async def test_a_stock_below_zero_is_refused(self, gate: StockGate) -> None:
        with pytest.raises(ValueError, match="negative"):
            await gate.preheat(terms_of(), -1)

    async def test_another_process_sees_a_change_within_moments(self, redis: Redis) -> None:
        here, elsewhere = StockGate(redis), StockGate(redis)
        assert await elsewhere.terms(ITEM) is None
        assert await elsewhere.remaining(ITEM) is None
        await here.preheat(terms_of(), 5)
        seen = await eventually(lambda: elsewhere.remaining(ITEM), lambda left: left == 5)
        assert seen == 5
        assert await elsewhere.terms(ITEM) == terms_of()

    async def test_a_crowd_asking_for_the_terms_is_one_read(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await gate.preheat(terms_of(), 5)
        await redis.config_resetstat()
        answers = await asyncio.gather(*(gate.terms(ITEM) for _ in range(200)))
        assert set(answers) == {terms_of()}
        assert (await redis.info("commandstats"))["cmdstat_hgetall"]["calls"] == 1

    async def test_pausing_makes_no_item_out_of_nothing(
        self, gate: StockGate, redis: Redis
    ) -> None:
        assert await gate.commands.stop(ITEM, stop_command()) is None
        await gate.commands.begin_repair(ITEM)
        assert (await gate.commands.write(terms_of())).verdict is Verdict.UNKNOWN
        assert await redis.keys("*") == []

    async def test_an_order_id_leads_to_its_item(self, gate: StockGate) -> None:
        await gate.preheat(terms_of(number=1234), 5)
        await gate.preheat(terms_of(OTHER_ITEM, number=77), 5)
        assert await gate.item_of(new_order_id(1234, 1_700_000_000_000)) == ITEM
        assert await gate.item_of(new_order_id(77, 1_700_000_000_000)) == OTHER_ITEM
        assert await gate.item_of(new_order_id(78, 1_700_000_000_000)) is None
        assert await gate.item_of("nonsense") is None


class TestRebuild:
    async def test_puts_the_truth_in_place_and_keeps_requests_and_intents(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await gate.preheat(terms_of(), 5)
        await gate.reserve(request_for("A", "alice", key="k"))
        await gate.reserve(request_for("B", "bob"))
        truth = [
            _reservation("A", "alice", 1, ReservationState.SOLD, 20),
            _reservation("C", "carol", 2, ReservationState.HELD, 30),
            _reservation("D", "alice", 1, ReservationState.HELD, 10),
            _reservation("E", "erin", 1, ReservationState.RELEASED, 40),
        ]
        await gate.rebuild(terms_of(limit=2), 9, truth)
        assert await stock_left(gate) == 9
        assert await buyers_of(redis) == {"alice": 2, "carol": 2}
        found = [reservation async for reservation in gate.reservations(ITEM)]
        assert sorted(found, key=lambda line: line.order_id) == truth
        assert (await gate.reserve(request_for("F", "alice"))).order_id == "A"
        assert (await gate.reserve(request_for("G", "alice", key="k"))).order_id == "A"
        assert await announced(redis) == ["A", "B"]

    async def test_can_be_done_to_nothing_and_leaves_nothing_that_expires(
        self, gate: StockGate, redis: Redis
    ) -> None:
        many = [
            _reservation(f"O{n}", f"user-{n}", 1, ReservationState.HELD, n) for n in range(1200)
        ]
        await gate.rebuild(terms_of(), 3, many)
        assert len([line async for line in gate.reservations(ITEM)]) == 1200
        assert [await redis.ttl(key) for key in await redis.keys("*")] == [-1, -1, -1, -1]
        await gate.rebuild(terms_of(), 0, [])
        assert await buyers_of(redis) == {}
        assert [line async for line in gate.reservations(ITEM)] == []


def _reservation(
    order_id: str, user_id: str, quantity: int, state: ReservationState, at_ms: int
) -> Reservation:
    return Reservation(
        order_id=order_id,
        user_id=user_id,
        quantity=quantity,
        state=state,
        reserved_at_ms=at_ms,
    )
