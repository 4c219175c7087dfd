"""What a node says from memory, and when it has to ask: two nodes, one Redis, a clock that stands
still unless a test moves it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from redis.asyncio import Redis

from domain.reservation import GateVerdict, Reservation, ReservationState
from infra.redis import sold_out_lease
from infra.redis.keys import STOCK_CHANGED, ItemKeys, RoomKeys
from infra.redis.sold_out_lease import LOOK_EVERY_SECONDS, STANDS_SECONDS, SoldOutLeases
from infra.redis.stock_gate import StockGate
from tests.support.gate import ITEM, intent_for, request_for, set_paused, terms_of
from tests.support.polling import until

KEYS = ItemKeys.of(ITEM)
ENDED_MS = 2_000


@dataclass
class Nodes:
    """`here` and `there` are two processes' memories. The one unit is `winner`'s."""

    redis: Redis
    gate: StockGate
    here: SoldOutLeases
    there: SoldOutLeases
    now: list[float] = field(default_factory=lambda: [1_000.0])

    def later(self, seconds: float) -> None:
        self.now[0] += seconds

    async def know(self, node: SoldOutLeases | None = None) -> None:
        """Both, or the one, know that it is sold out."""
        for one in (node,) if node else (self.here, self.there):
            await until(lambda one=one: _learns(one), "a lease")  # type: ignore[misc]

    async def never_know(self) -> None:
        """However often they look."""
        for _ in range(3):
            self.later(LOOK_EVERY_SECONDS)
            self.here.learn(ITEM)
            await asyncio.gather(*self.here._looks.values(), return_exceptions=True)
            assert not refuses(self.here)


def refuses(node: SoldOutLeases, user_id: str = "stranger", quantity: int = 1) -> bool:
    return node.refuses(ITEM, user_id, quantity)


def _learns(node: SoldOutLeases) -> bool:
    node._not_before.clear()
    node.learn(ITEM)
    return refuses(node)


@pytest.fixture
async def nodes(gate: StockGate, redis: Redis) -> AsyncIterator[Nodes]:
    await gate.preheat(terms_of(limit=2), 1)
    answer = await gate.reserve(request_for("O1", "winner"))
    assert answer.verdict is GateVerdict.RESERVED
    now = [1_000.0]
    async with AsyncExitStack() as closing:
        here, there = [
            await closing.enter_async_context(SoldOutLeases.listening(redis, lambda: now[0]))
            for _ in range(2)
        ]
        await until(lambda: here._hears and there._hears, "both subscriptions")
        yield Nodes(redis, gate, here, there, now)


async def test_nobody_is_refused_from_memory_later_than_300_ms_after_stock_came_back(
    nodes: Nodes,
) -> None:
    await nodes.know()
    # By hand: whoever does that tells nobody.
    await nodes.redis.hset(KEYS.item, "stock", 1)

    nodes.later(LOOK_EVERY_SECONDS)
    assert refuses(nodes.here)
    nodes.later(STANDS_SECONDS)
    assert not refuses(nodes.here)
    assert not refuses(nodes.there)


async def test_a_lease_that_is_asked_for_is_looked_at_again(nodes: Nodes) -> None:
    await nodes.know(nodes.here)
    for _ in range(6):
        nodes.later(LOOK_EVERY_SECONDS + 0.01)
        assert refuses(nodes.here)
        await asyncio.gather(*nodes.here._looks.values())

    assert refuses(nodes.here)


async def _given_back(gate: StockGate) -> None:
    await gate.release(ITEM, "O1")


async def _rebuilt(gate: StockGate) -> None:
    line = Reservation(
        order_id="O2", user_id="heir", quantity=1, state=ReservationState.HELD, reserved_at_ms=1
    )
    await gate.rebuild(terms_of(), 0, [line])


async def _heated(gate: StockGate) -> None:
    await gate.preheat(terms_of(limit=3), 0)


async def _paused(gate: StockGate) -> None:
    await set_paused(gate, ITEM, True)


async def _retired(gate: StockGate) -> None:
    assert await gate.retire(1, ITEM)


@pytest.mark.parametrize("change", [_given_back, _rebuilt, _heated, _paused, _retired])
async def test_each_script_that_changes_the_item_in_another_way_clears_the_lease_at_once(
    nodes: Nodes, change: Callable[[StockGate], Awaitable[None]]
) -> None:
    if change is _retired:
        await nodes.redis.delete(KEYS.intents)
    await nodes.know()
    if change is _retired:
        await nodes.redis.hset(KEYS.item, "ends_at_ms", ENDED_MS)

    await change(nodes.gate)

    # The clock stands still.
    await until(lambda: not refuses(nodes.here) and not refuses(nodes.there))


async def test_units_taken_again_are_told_of(nodes: Nodes) -> None:
    await nodes.gate.release(ITEM, "O1")
    async with nodes.redis.pubsub() as heard:
        await heard.subscribe(STOCK_CHANGED)
        assert await nodes.gate.reclaim(intent_for("O1", "winner"))

        said = await until(lambda: heard.get_message(ignore_subscribe_messages=True, timeout=0.1))

    assert said["data"] == KEYS.item


async def test_whoever_is_named_there_is_asked_of_redis(nodes: Nodes) -> None:
    await nodes.redis.hset(KEYS.requests, mapping={"ukim": "1 O9 k", "4:lénk1": "1 O8"})
    await nodes.know(nodes.here)

    for name in ("winner", "kim", "lén"):
        assert not refuses(nodes.here, name)
    assert refuses(nodes.here, "len")
    # Redis says LIMIT_REACHED to more than anybody may have.
    assert not refuses(nodes.here, quantity=3)
    assert refuses(nodes.here, quantity=2)


async def test_whoever_is_called_is_asked_of_redis(nodes: Nodes) -> None:
    await nodes.redis.zadd(RoomKeys.of(ITEM).calls, {"ada": 1})
    await nodes.know(nodes.here)

    assert not refuses(nodes.here, "ada")
    assert refuses(nodes.here, "bob")


async def test_a_unit_that_went_round_leaves_its_new_winner_to_redis(nodes: Nodes) -> None:
    """As many buyers as before, and others."""
    await nodes.know()
    await nodes.gate.release(ITEM, "O1")
    answer = await nodes.gate.reserve(request_for("O2", "bob"))
    assert answer.verdict is GateVerdict.RESERVED
    await until(lambda: not refuses(nodes.here) and not refuses(nodes.there))

    await nodes.know()

    assert not refuses(nodes.here, "bob")
    assert not refuses(nodes.there, "bob")


async def test_a_winner_nobody_told_of_is_known_at_the_next_look(nodes: Nodes) -> None:
    await nodes.redis.hset(KEYS.item, "stock", 1)
    await nodes.redis.hset(KEYS.buyers, "early", "1 O7")
    await nodes.gate.reserve(request_for("O3", "bob"))
    await nodes.know(nodes.here)
    # As many as before, by hand.
    await nodes.redis.hdel(KEYS.buyers, "early")
    await nodes.redis.hset(KEYS.buyers, "late", "1 O8")
    nodes.later(sold_out_lease.NAMES_SECONDS + 0.01)

    await nodes.know(nodes.here)

    assert not refuses(nodes.here, "late")


async def test_a_cut_subscription_takes_the_lease_along(nodes: Nodes) -> None:
    await nodes.know()

    await nodes.redis.client_kill_filter(_type="pubsub")

    await until(lambda: not refuses(nodes.here) and not refuses(nodes.there))
    # What happened meanwhile was not heard, so all is read anew.
    await nodes.know()
    assert not refuses(nodes.here, "winner")


async def test_without_a_subscription_nothing_is_looked_at(redis: Redis, gate: StockGate) -> None:
    deaf = SoldOutLeases(redis)

    deaf.learn(ITEM)

    assert not deaf._looks
    assert not refuses(deaf)


async def test_a_line_that_is_silent_gives_no_lease_and_is_made_anew(nodes: Nodes) -> None:
    await nodes.know(nodes.here)
    # As if what is published did not arrive any more.
    silent, nodes.here._own_channel = nodes.here._own_channel, "elsewhere"
    nodes.later(STANDS_SECONDS)
    listening = nodes.here._listening

    nodes.here.learn(ITEM)
    await until(lambda: nodes.here._listening is not listening, "another line")

    assert not refuses(nodes.here)
    nodes.here._own_channel = silent


async def test_looks_that_fail_let_the_lease_run_out(nodes: Nodes) -> None:
    await nodes.know(nodes.here)
    await nodes.redis.set(KEYS.requests, "no hash")

    nodes.later(STANDS_SECONDS)
    assert refuses(nodes.here)
    await asyncio.gather(*nodes.here._looks.values(), return_exceptions=True)
    nodes.later(0.001)
    await nodes.never_know()


async def test_what_is_read_while_it_changes_is_worth_nothing(nodes: Nodes) -> None:
    nodes.here.learn(ITEM)
    (look,) = nodes.here._looks.values()
    nodes.here._hear({"type": "message", "channel": STOCK_CHANGED, "data": KEYS.item})
    await look

    assert not refuses(nodes.here)


async def test_more_names_than_are_worth_reading_are_no_lease(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sold_out_lease, "MOST_NAMES", 0)

    await nodes.never_know()


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"paused": 1}, "paused"),
        ({"ends_at_ms": ENDED_MS}, "ended"),
        ({"starts_at_ms": 4_000_000_000_000}, "not started"),
        ({"stock": 2}, "not sold out"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_only_an_open_item_is_known_as_sold_out(
    nodes: Nodes, fields: dict[Any, Any], what: str
) -> None:
    await nodes.redis.hset(KEYS.item, mapping=fields)

    await nodes.never_know()


async def test_an_item_redis_does_not_know_is_not_sold_out(nodes: Nodes) -> None:
    await nodes.redis.delete(KEYS.item)

    await nodes.never_know()


async def test_items_are_remembered_up_to_a_number(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    await nodes.know(nodes.here)
    monkeypatch.setattr(sold_out_lease, "MOST_ITEMS", 1)

    nodes.here.learn(ITEM.model_copy(update={"sku_id": "sku-9"}))

    assert len(nodes.here._not_before) == 1
    assert not refuses(nodes.here)
