import asyncio

import pytest
from redis.asyncio import Redis

from domain.reservation import GateAnswer, GateVerdict, ReservationState
from infra.redis.keys import ItemKeys
from infra.redis.stock_gate import StockGate
from tests.support.gate import (
    FAR_AHEAD_MS,
    ITEM,
    LONG_AGO_MS,
    buyers_of,
    request_for,
    set_paused,
    stock_left,
    stream_of,
    terms_of,
)

KEYS = ItemKeys.of(ITEM)
AWKWARD = "a:b \"c\" 'd' %d\n\\ {e} 用户"


async def announced(redis: Redis) -> list[str]:
    return [fields["order_id"] for fields in await stream_of(redis, KEYS.intents)]


class TestReserve:
    async def test_holds_stock_counts_the_buyer_and_announces_the_intent(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await gate.preheat(terms_of(limit=2), 5)
        answer = await gate.reserve(request_for("A", quantity=2))
        assert answer == GateAnswer(verdict=GateVerdict.RESERVED, order_id="A")
        assert await stock_left(gate) == 3
        assert await buyers_of(redis) == {"alice": 2}
        held = await gate.reservation(ITEM, "A")
        assert held is not None
        assert (held.state, held.user_id, held.quantity) == (ReservationState.HELD, "alice", 2)
        [fields] = await stream_of(redis, KEYS.intents)
        assert fields == {
            "order_id": "A",
            "user_id": "alice",
            "quantity": "2",
            "accepted_at_ms": str(held.reserved_at_ms),
        }

    async def test_appends_no_intent_when_a_workflow_reserves_for_itself(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await gate.preheat(terms_of(), 5)
        await gate.reserve(request_for("A", announce=False))
        assert await announced(redis) == []

    async def test_answers_a_known_order_from_what_was_done_before(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await gate.preheat(terms_of(ends_at_ms=FAR_AHEAD_MS), 5)
        first = await gate.reserve(request_for("A"))
        await gate.preheat(terms_of(ends_at_ms=LONG_AGO_MS, paused=True), 5)
        assert await gate.reserve(request_for("A")) == first
        assert await stock_left(gate) == 4
        assert await announced(redis) == ["A"]

    async def test_says_released_for_a_known_order_that_was_given_back(
        self, gate: StockGate
    ) -> None:
        await gate.preheat(terms_of(), 5)
        await gate.reserve(request_for("A"))
        await gate.release(ITEM, "A")
        answer = await gate.reserve(request_for("A"))
        assert answer.verdict is GateVerdict.RELEASED
        assert await stock_left(gate) == 5

    async def test_gives_the_first_order_for_a_repeated_idempotency_key(
        self, gate: StockGate, redis: Redis
    ) -> None:
        await gate.preheat(terms_of(limit=1), 5)
        await gate.reserve(request_for("A", key="k"))
        again = await gate.reserve(request_for("B", key="k"))
        assert again == GateAnswer(verdict=GateVerdict.RESERVED, order_id="A")
        assert await stock_left(gate) == 4
        assert await announced(redis) == ["A"]

    async def test_refuses_an_idempotency_key_with_another_quantity(self, gate: StockGate) -> None:
        await gate.preheat(terms_of(), 5)
        await gate.reserve(request_for("A", key="k", quantity=1))
        answer = await gate.reserve(request_for("B", key="k", quantity=2))
        assert answer.verdict is GateVerdict.IDEMPOTENCY_MISMATCH
        assert await stock_left(gate) == 4

    @pytest.mark.parametrize(
        "users_and_keys",
        [[("alice", "k"), ("bob", "k")], [("a", "bc"), ("ab", "c")], [("1:a", "b"), ("1", ":ab")]],
    )
    async def test_keeps_the_keys_of_different_users_apart(
        self, gate: StockGate, users_and_keys: list[tuple[str, str]]
    ) -> None:
        await gate.preheat(terms_of(), 5)
        for number, (user_id, key) in enumerate(users_and_keys):
            answer = await gate.reserve(request_for(f"O{number}", user_id, key=key))
            assert answer.order_id == f"O{number}"
        assert await stock_left(gate) == 3

    async def test_forgets_nothing_of_awkward_names(self, gate: StockGate, redis: Redis) -> None:
        await gate.preheat(terms_of(limit=1), 5)
        await gate.reserve(request_for("A", AWKWARD, key=AWKWARD))
        assert (await gate.reserve(request_for("B", AWKWARD, key=AWKWARD))).order_id == "A"
        held = await gate.reservation(ITEM, "A")
        assert held is not None
        assert held.user_id == AWKWARD
        assert (await stream_of(redis, KEYS.intents))[0]["user_id"] == AWKWARD
        await gate.release(ITEM, "A")
        assert await buyers_of(redis) == {}

    async def test_says_not_found_for_an_item_that_was_never_preheated(
        self, gate: StockGate, redis: Redis
    ) -> None:
        answer = await gate.reserve(request_for("A", late=True))
        assert answer == GateAnswer(verdict=GateVerdict.NOT_FOUND)
        assert await redis.keys("*") == []

    async def test_says_when_the_sale_starts_and_when_it_ended(self, gate: StockGate) -> None:
        await gate.preheat(terms_of(starts_at_ms=FAR_AHEAD_MS - 5), 5)
        early = await gate.reserve(request_for("A"))
        assert early == GateAnswer(verdict=GateVerdict.NOT_STARTED, at_ms=FAR_AHEAD_MS - 5)
        await gate.preheat(terms_of(ends_at_ms=LONG_AGO_MS + 5), 5)
        after = await gate.reserve(request_for("A"))
        assert after == GateAnswer(verdict=GateVerdict.ENDED, at_ms=LONG_AGO_MS + 5)
        assert await stock_left(gate) == 5

    async def test_refuses_while_paused_and_goes_on_afterwards(self, gate: StockGate) -> None:
        await gate.preheat(terms_of(), 5)
        await set_paused(gate, ITEM, True)
        assert (await gate.reserve(request_for("A"))).verdict is GateVerdict.PAUSED
        await set_paused(gate, ITEM, False)
        assert (await gate.reserve(request_for("A"))).verdict is GateVerdict.RESERVED

    async def test_lets_an_accepted_order_reserve_after_the_sale_has_closed(
        self, gate: StockGate
    ) -> None:
        await gate.preheat(terms_of(ends_at_ms=LONG_AGO_MS, paused=True), 5)
        answer = await gate.reserve(request_for("A", late=True))
        assert answer.verdict is GateVerdict.RESERVED

    async def test_names_the_order_that_used_the_limit_up(self, gate: StockGate) -> None:
        await gate.preheat(terms_of(limit=2), 5)
        for order_id in ("A", "B"):
            await gate.reserve(request_for(order_id))
        answer = await gate.reserve(request_for("C"))
        assert answer == GateAnswer(verdict=GateVerdict.LIMIT_REACHED, order_id="B")
        await gate.release(ITEM, "B")
        answer = await gate.reserve(request_for("C", quantity=2))
        assert answer == GateAnswer(verdict=GateVerdict.LIMIT_REACHED, order_id="A")

    async def test_says_sold_out_rather_than_selling_half_a_request(self, gate: StockGate) -> None:
        await gate.preheat(terms_of(limit=5), 2)
        answer = await gate.reserve(request_for("A", quantity=3))
        assert answer == GateAnswer(verdict=GateVerdict.SOLD_OUT)
        assert await stock_left(gate) == 2

    @pytest.mark.parametrize("quantity", [0, -1, 1_000_001])
    async def test_refuses_what_is_no_quantity(self, gate: StockGate, quantity: int) -> None:
        with pytest.raises(ValueError, match="no quantity"):
            await gate.reserve(request_for("A", quantity=quantity))

    async def test_sells_each_unit_once_to_a_crowd_at_two_gates(self, redis: Redis) -> None:
        gates = [StockGate(redis), StockGate(redis)]
        await gates[0].preheat(terms_of(limit=1), 50)
        answers = await asyncio.gather(
            *(gates[n % 2].reserve(request_for(f"O{n}", f"user-{n % 90}")) for n in range(600))
        )
        winners = [answer for answer in answers if answer.verdict is GateVerdict.RESERVED]
        assert len(winners) == 50
        assert await stock_left(gates[0]) == 0
        assert set((await buyers_of(redis)).values()) == {1}
        assert sorted(await announced(redis)) == sorted(answer.order_id for answer in winners)
