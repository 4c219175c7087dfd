"""Random stories told to the scripts on a real Redis and to a plain model: both must agree."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from redis.asyncio import Redis

from domain.reservation import (
    GateAnswer,
    GateVerdict,
    ReservationState,
    ReserveRequest,
    StockReturn,
)
from infra.redis.keys import ItemKeys
from infra.redis.stock_gate import StockGate
from tests.support.gate import (
    FAR_AHEAD_MS,
    ITEM,
    LONG_AGO_MS,
    buyers_of,
    intent_for,
    request_for,
    set_paused,
    stock_left,
    stream_of,
    terms_of,
)

KEYS = ItemKeys.of(ITEM)
RESERVED, RELEASED = GateVerdict.RESERVED, GateVerdict.RELEASED
WINDOWS = {
    "before": (FAR_AHEAD_MS - 1, FAR_AHEAD_MS),
    "open": (LONG_AGO_MS, FAR_AHEAD_MS),
    "after": (LONG_AGO_MS - 1, LONG_AGO_MS),
}
ORDERS = st.sampled_from([f"O{n}" for n in range(12)])
USERS = st.sampled_from(["alice", "a b:c", '"q"\'', "line\nbreak", "%d %s", "1:a"])
QUANTITIES = st.integers(1, 3)
REQUESTS = st.builds(
    request_for,
    ORDERS,
    USERS,
    QUANTITIES,
    key=st.sampled_from(["", "", "k", "k:1", "\n ", "a"]),
    announce=st.booleans(),
    late=st.booleans(),
)


@dataclass
class Held:
    user_id: str
    quantity: int
    state: ReservationState


@dataclass
class Model:
    """The gate as one would write it for one item, one caller and no crash."""

    total: int
    stock: int
    limit: int
    window: str = "open"
    paused: bool = False
    orders: dict[str, Held] = field(default_factory=dict)
    requests: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    announced: list[str] = field(default_factory=list)

    def live(self, user_id: str | None = None) -> list[tuple[str, Held]]:
        return [
            (order_id, held)
            for order_id, held in self.orders.items()
            if held.state is not ReservationState.RELEASED and user_id in (None, held.user_id)
        ]

    def units(self, user_id: str | None = None) -> int:
        return sum(held.quantity for _, held in self.live(user_id))

    def reserve(self, request: ReserveRequest) -> GateAnswer:
        answer = self._repeated(request) or self._refused(request)
        if answer:
            return answer
        self.stock -= request.quantity
        self._keep(request.order_id, request.user_id, request.quantity, ReservationState.HELD)
        if request.idempotency_key:
            name = (request.user_id, request.idempotency_key)
            self.requests[name] = (request.order_id, request.quantity)
        if request.announce:
            self.announced.append(request.order_id)
        return GateAnswer(verdict=RESERVED, order_id=request.order_id)

    def _repeated(self, request: ReserveRequest) -> GateAnswer | None:
        known = self.orders.get(request.order_id)
        if known:
            asked, held = (request.user_id, request.quantity), (known.user_id, known.quantity)
            # A click is another's; what was released for good has no quantity to compare.
            same = (known.quantity == 0 and asked[0] == held[0]) or asked == held
            if request.announce and known.user_id and not same:
                return GateAnswer(verdict=GateVerdict.IDEMPOTENCY_MISMATCH)
            verdict = RELEASED if known.state is ReservationState.RELEASED else RESERVED
            return GateAnswer(verdict=verdict, order_id=request.order_id)
        earlier = self.requests.get((request.user_id, request.idempotency_key))
        if earlier is None:
            return None
        if earlier[1] != request.quantity:
            return GateAnswer(verdict=GateVerdict.IDEMPOTENCY_MISMATCH)
        return GateAnswer(verdict=RESERVED, order_id=earlier[0])

    def _refused(self, request: ReserveRequest) -> GateAnswer | None:
        if not request.late:
            starts_at, ends_at = WINDOWS[self.window]
            if self.window == "before":
                return GateAnswer(verdict=GateVerdict.NOT_STARTED, at_ms=starts_at)
            if self.window == "after":
                return GateAnswer(verdict=GateVerdict.ENDED, at_ms=ends_at)
            if self.paused:
                return GateAnswer(verdict=GateVerdict.PAUSED)
        if self.units(request.user_id) + request.quantity > self.limit:
            orders = [order_id for order_id, _ in self.live(request.user_id)]
            last = orders[-1] if orders else ""
            return GateAnswer(verdict=GateVerdict.LIMIT_REACHED, order_id=last)
        if self.stock < request.quantity:
            return GateAnswer(verdict=GateVerdict.SOLD_OUT)
        return None

    def release(self, order_id: str, how: StockReturn) -> ReservationState | None:
        held = self.orders.get(order_id)
        if held is None:
            self._keep(order_id, "", 0, ReservationState.RELEASED)
            return None
        even_sold = how is StockReturn.RESTOCK and held.state is ReservationState.SOLD
        if held.state is ReservationState.HELD or even_sold:
            held.state = ReservationState.RELEASED
            if how is StockReturn.DROP:
                self.total -= held.quantity
            else:
                self.stock += held.quantity
        if how is StockReturn.UNDO_RECLAIM and held.state is ReservationState.RELEASED:
            held.quantity = 0
        return held.state

    def reclaim(self, order_id: str, user_id: str, quantity: int) -> bool:
        held = self.orders.get(order_id)
        if held and (held.state is not ReservationState.RELEASED or not held.quantity):
            return held.state is not ReservationState.RELEASED
        if self.stock < quantity or self.units(user_id) + quantity > self.limit:
            return False
        self.stock -= quantity
        self.orders.pop(order_id, None)
        self._keep(order_id, user_id, quantity, ReservationState.HELD)
        return True

    def sell(self, order_id: str, user_id: str, quantity: int) -> ReservationState:
        held = self.orders.get(order_id)
        if held is None:
            taken = min(self.stock, quantity)
            self.stock -= taken
            self.total += quantity - taken
            self._keep(order_id, user_id, quantity, ReservationState.SOLD)
            return ReservationState.SOLD
        if held.state is ReservationState.HELD:
            held.state = ReservationState.SOLD
        return held.state

    def _keep(self, order_id: str, user_id: str, quantity: int, state: ReservationState) -> None:
        self.orders[order_id] = Held(user_id, quantity, state)


class GateStory(RuleBasedStateMachine):
    redis_url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis: Redis = Redis.from_url(self.redis_url, decode_responses=True)
        self.gate = StockGate(self.redis)
        self.model = Model(0, 0, 0)

    def teardown(self) -> None:
        self.runner.run(self.redis.aclose())
        self.runner.close()

    @initialize(stock=st.integers(0, 14), limit=st.integers(1, 4))
    def open_the_sale(self, stock: int, limit: int) -> None:
        self.runner.run(self._empty_redis())
        self.runner.run(self.gate.preheat(terms_of(limit=limit), stock))
        self.model = Model(total=stock, stock=stock, limit=limit)

    @rule(requests=st.lists(REQUESTS, min_size=1, max_size=6))
    def reserve(self, requests: list[ReserveRequest]) -> None:
        """Several at once fly as one batch, and are decided in the order they came."""

        async def all_at_once() -> list[GateAnswer]:
            return await asyncio.gather(*(self.gate.reserve(request) for request in requests))

        known = set(self.model.orders)
        expected = [self.model.reserve(request) for request in requests]
        assert self.runner.run(all_at_once()) == expected
        buyers = self.runner.run(buyers_of(self.redis))
        bought = [held.user_id for order, held in self.model.live() if order not in known]
        assert all(buyers[user_id] <= self.model.limit for user_id in bought)

    @rule(order_id=ORDERS, how=st.sampled_from(StockReturn))
    def release(self, order_id: str, how: StockReturn) -> None:
        expected = self.model.release(order_id, how)
        assert self.runner.run(self.gate.release(ITEM, order_id, how)) == expected

    @rule(order_id=ORDERS, user_id=USERS, quantity=QUANTITIES)
    def reclaim(self, order_id: str, user_id: str, quantity: int) -> None:
        expected = self.model.reclaim(order_id, user_id, quantity)
        assert (
            self.runner.run(self.gate.reclaim(intent_for(order_id, user_id, quantity))) is expected
        )

    @rule(order_id=ORDERS, user_id=USERS, quantity=QUANTITIES)
    def sell(self, order_id: str, user_id: str, quantity: int) -> None:
        expected = self.model.sell(order_id, user_id, quantity)
        assert self.runner.run(self.gate.sell(intent_for(order_id, user_id, quantity))) == expected

    @rule(paused=st.booleans())
    def pause_or_resume(self, paused: bool) -> None:
        self.runner.run(set_paused(self.gate, ITEM, paused))
        self.model.paused = paused

    @rule(window=st.sampled_from(sorted(WINDOWS)), limit=st.integers(1, 4))
    def preheat_again(self, window: str, limit: int) -> None:
        starts_at, ends_at = WINDOWS[window]
        terms = terms_of(limit=limit, starts_at_ms=starts_at, ends_at_ms=ends_at)
        self.runner.run(self.gate.preheat(terms, 999))
        self.model.window, self.model.limit, self.model.paused = window, limit, False

    @rule()
    def forget_the_scripts(self) -> None:
        self.runner.run(self._forget_scripts())

    @invariant()
    def the_books_agree(self) -> None:
        books = self.runner.run(self._books())
        assert books["stock"] == self.model.stock >= 0
        held = [one for _, one in self.model.live() if one.state is ReservationState.HELD]
        assert books["held"] == sum(one.quantity for one in held)
        assert books["reservations"] == self.model.orders
        assert books["buyers"] == {
            held.user_id: self.model.units(held.user_id) for _, held in self.model.live()
        }
        assert books["intents"] == self.model.announced
        assert books["stock"] + self.model.units() == self.model.total

    async def _empty_redis(self) -> None:
        await self.redis.flushall()

    async def _forget_scripts(self) -> None:
        await self.redis.script_flush()

    async def _books(self) -> dict[str, Any]:
        intents = await stream_of(self.redis, KEYS.intents)
        return {
            "stock": await stock_left(self.gate) or 0,
            "held": int(await self.redis.hget(KEYS.item, "held") or 0),
            "buyers": await buyers_of(self.redis),
            "intents": [fields["order_id"] for fields in intents],
            "reservations": {
                line.order_id: Held(line.user_id, line.quantity, line.state)
                async for line in self.gate.reservations(ITEM)
            },
        }


def test_every_story_ends_with_books_that_agree(redis_url: str) -> None:
    class Story(GateStory):
        pass

    Story.redis_url = redis_url
    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
