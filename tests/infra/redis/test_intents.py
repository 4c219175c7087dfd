import pytest
from redis.asyncio import Redis

from domain.ids import new_order_id
from domain.reservation import Intent
from domain.sale import ItemRef
from infra.redis.intent_entries import IntentEntry, MalformedIntent
from infra.redis.intent_groups import Group, IntentGroup
from infra.redis.intents import Intents
from infra.redis.keys import ItemKeys
from infra.redis.stock_gate import StockGate
from tests.support.gate import (
    ITEM,
    Backlog,
    backlog_of,
    eventually,
    put_in_stream,
    request_for,
    stream_of,
    terms_of,
)
from tests.support.intent_groups import reading

KEYS = ItemKeys.of(ITEM)
A, B, C, D = (new_order_id(1, 1_700_000_000_000 + n) for n in range(4))


@pytest.fixture
def intents(redis: Redis) -> Intents:
    return Intents(redis)


@pytest.fixture
def placing(redis: Redis) -> IntentGroup:
    return reading(redis, Group.PLACE)


@pytest.fixture
def starting(redis: Redis) -> IntentGroup:
    return reading(redis, Group.START)


async def accept(gate: StockGate, *order_ids: str, item: ItemRef = ITEM) -> None:
    await gate.preheat(terms_of(item, number=1 if item == ITEM else 2), 100)
    for order_id in order_ids:
        await gate.reserve(request_for(order_id, f"user of {order_id}", item=item))


def orders_in(entries: list[IntentEntry]) -> list[str]:
    return [entry.intent().order_id for entry in entries]


class TestRead:
    async def test_gives_what_was_accepted_before_anyone_read(
        self, gate: StockGate, placing: IntentGroup
    ) -> None:
        await accept(gate, A)
        [entry] = await placing.read(10, 100)
        held = await gate.reservation(ITEM, A)
        assert held is not None
        assert entry.intent() == Intent(
            order_id=A,
            sale_id=ITEM.sale_id,
            sku_id=ITEM.sku_id,
            user_id=f"user of {A}",
            quantity=1,
            accepted_at_ms=held.reserved_at_ms,
        )

    async def test_notices_an_item_that_is_preheated_later(
        self, gate: StockGate, placing: IntentGroup
    ) -> None:
        assert await placing.read(10, 10) == []
        await accept(gate, A)
        found = await eventually(lambda: placing.read(10, 50), bool)
        assert orders_in(found) == [A]

    async def test_of_one_leaves_the_others_unfinished(
        self, gate: StockGate, intents: Intents, starting: IntentGroup
    ) -> None:
        await accept(gate, A, B, C)
        await starting.finish((await starting.read(2, 100))[:1])
        assert [entry.order_id async for entry in intents.unfinished(ITEM)] == [B, C]


class TestBury:
    async def test_moves_an_entry_to_the_dead_ones_once(
        self, gate: StockGate, intents: Intents, placing: IntentGroup, redis: Redis
    ) -> None:
        await accept(gate, A)
        [entry] = await placing.read(10, 100)
        assert await placing.bury(entry, "no good") is True
        assert await placing.bury(entry, "again") is False
        [dead] = [dead async for dead in intents.dead(ITEM)]
        assert (dead.error, dead.entry_id, dead.fields) == ("no good", entry.entry_id, entry.fields)
        assert await backlog_of(redis) == Backlog(waiting=0, pending=0, dead=1)

    async def test_a_revived_intent_waits_again_with_its_failures_forgotten(
        self, gate: StockGate, intents: Intents, placing: IntentGroup, redis: Redis
    ) -> None:
        await accept(gate, A)
        [entry] = await placing.read(10, 100)
        await placing.bury(entry, "no good")
        [dead] = [dead async for dead in intents.dead(ITEM)]
        await intents.revive(dead)
        [again] = await placing.read(10, 100)
        assert (again.intent(), again.failures) == (entry.intent(), 0)
        assert await stream_of(redis, KEYS.dead) == []

    @pytest.mark.parametrize(
        "fields",
        [
            {"junk": "1"},
            {"order_id": A, "user_id": "u", "quantity": "many"},
            {"order_id": A, "user_id": "u", "quantity": "0"},
            {"order_id": "not one of ours", "user_id": "u", "quantity": "1"},
        ],
    )
    async def test_what_says_no_order_can_be_read_and_buried(
        self,
        gate: StockGate,
        intents: Intents,
        placing: IntentGroup,
        redis: Redis,
        fields: dict[str, str],
    ) -> None:
        await gate.preheat(terms_of(), 5)
        await put_in_stream(redis, fields)
        [entry] = await placing.read(10, 100)
        with pytest.raises(MalformedIntent):
            entry.intent()
        assert await placing.bury(entry, "malformed")
