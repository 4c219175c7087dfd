import asyncio

import pytest
from redis.asyncio import Redis

from domain.ids import new_order_id
from domain.reservation import Intent
from domain.sale import ItemRef
from infra.redis.intent_entries import IntentEntry, MalformedIntent
from infra.redis.intents import GROUP, Intents
from infra.redis.keys import ItemKeys
from infra.redis.stock_gate import StockGate
from tests.support.gate import (
    ITEM,
    OTHER_ITEM,
    Backlog,
    backlog_of,
    eventually,
    put_in_stream,
    request_for,
    stream_of,
    terms_of,
)
from tests.support.own_redis import OwnRedis

KEYS = ItemKeys.of(ITEM)
A, B, C, D = (new_order_id(1, 1_700_000_000_000 + n) for n in range(4))


@pytest.fixture
def intents(redis: Redis) -> Intents:
    return Intents(redis)


async def accept(gate: StockGate, *order_ids: str, item: ItemRef = ITEM) -> None:
    await gate.preheat(terms_of(item, number=1 if item == ITEM else 2), 100)
    for order_id in order_ids:
        await gate.reserve(request_for(order_id, f"user of {order_id}", item=item))


def orders_in(entries: list[IntentEntry]) -> list[str]:
    return [entry.intent().order_id for entry in entries]


async def deliveries_of(redis: Redis, entry: IntentEntry) -> tuple[str, int]:
    [pending] = await redis.xpending_range(KEYS.intents, GROUP, entry.entry_id, entry.entry_id, 1)
    return str(pending["consumer"]), int(pending["times_delivered"])


class TestRead:
    async def test_gives_what_was_accepted_before_anyone_read(
        self, gate: StockGate, intents: Intents
    ) -> None:
        await accept(gate, A)
        [entry] = await intents.read("one", 10, 100)
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

    async def test_reads_all_items_at_once_and_each_entry_once(
        self, gate: StockGate, intents: Intents
    ) -> None:
        await accept(gate, A, B)
        await accept(gate, C, item=OTHER_ITEM)
        first = await intents.read("one", 10, 100)
        assert sorted(orders_in(first)) == sorted([A, B, C])
        assert await intents.read("two", 10, 100) == []

    async def test_takes_no_more_than_about_what_was_asked_for(
        self, gate: StockGate, intents: Intents
    ) -> None:
        await accept(gate, A, B, C)
        assert orders_in(await intents.read("one", 2, 100)) == [A, B]
        assert orders_in(await intents.read("one", 2, 100)) == [C]

    async def test_notices_an_item_that_is_preheated_later(
        self, gate: StockGate, intents: Intents
    ) -> None:
        assert await intents.read("one", 10, 10) == []
        await accept(gate, A)
        found = await eventually(lambda: intents.read("one", 10, 50), bool)
        assert orders_in(found) == [A]

    async def test_goes_on_after_redis_was_emptied(
        self, gate: StockGate, intents: Intents, redis: Redis
    ) -> None:
        await accept(gate, A)
        await intents.read("one", 10, 100)
        await redis.flushall()
        assert await intents.read("one", 10, 10) == []
        await accept(gate, B)
        found = await eventually(lambda: intents.read("one", 10, 50), bool)
        assert orders_in(found) == [B]

    async def test_goes_on_after_redis_was_killed(self, own_redis: OwnRedis) -> None:
        intents, gate = Intents(own_redis.client), StockGate(own_redis.client)
        await accept(gate, A, B)
        [taken] = await intents.read("one", 1, 100)
        await own_redis.kill()
        await own_redis.start()
        assert orders_in(await intents.read("one", 10, 100)) == [B]
        await intents.acknowledge(taken)
        assert await backlog_of(own_redis.client) == Backlog(waiting=1, pending=1, dead=0)


class TestAcknowledge:
    async def test_leaves_nothing_behind(
        self, gate: StockGate, intents: Intents, redis: Redis
    ) -> None:
        await accept(gate, A)
        [entry] = await intents.read("one", 10, 100)
        for _ in range(2):
            await intents.acknowledge(entry)
        assert await backlog_of(redis) == Backlog(waiting=0, pending=0, dead=0)
        assert await redis.xlen(KEYS.intents) == 0

    async def test_of_one_leaves_the_others_unfinished(
        self, gate: StockGate, intents: Intents, redis: Redis
    ) -> None:
        await accept(gate, A, B, C)
        await intents.acknowledge((await intents.read("one", 2, 100))[0])
        assert [entry.order_id async for entry in intents.unfinished(ITEM)] == [B, C]
        assert await backlog_of(redis) == Backlog(waiting=2, pending=1, dead=0)


class TestClaim:
    async def test_takes_over_what_a_dead_consumer_left(
        self, gate: StockGate, intents: Intents, redis: Redis
    ) -> None:
        await accept(gate, A, B)
        await intents.read("dead one", 10, 100)
        claimed = await intents.claim_from_dead("two", 0, 10)
        assert orders_in(claimed) == [A, B]
        assert [entry.failures for entry in claimed] == [0, 0]
        assert await deliveries_of(redis, claimed[0]) == ("two", 1)

    async def test_leaves_fresh_entries_to_their_consumer(
        self, gate: StockGate, intents: Intents
    ) -> None:
        await accept(gate, A)
        await intents.read("one", 10, 100)
        assert await intents.claim_from_dead("two", 60_000, 10) == []

    async def test_gives_an_entry_to_one_of_two_claimers(
        self, gate: StockGate, intents: Intents, redis: Redis
    ) -> None:
        await accept(gate, A, B, C, D)
        for entry in await intents.read("dead one", 10, 100):
            await redis.xclaim(KEYS.intents, GROUP, "dead one", 0, (entry.entry_id,), idle=600_000)
        both = await asyncio.gather(
            intents.claim_from_dead("two", 300_000, 10),
            intents.claim_from_dead("three", 300_000, 10),
        )
        assert sorted(orders_in([*both[0], *both[1]])) == sorted([A, B, C, D])

    async def test_counts_failures_over_all_consumers_and_each_once(
        self, gate: StockGate, intents: Intents
    ) -> None:
        await accept(gate, A)
        [entry] = await intents.read("one", 10, 100)
        for _ in range(2):
            await intents.record_failure(entry, "one")
        [again] = await intents.claim_from_dead("two", 0, 10)
        assert again.failures == 1
        await intents.record_failure(again, "two")
        [third] = await intents.claim_from_dead("three", 0, 10)
        assert third.failures == 2

    async def test_hands_over_an_entry_whose_text_was_deleted(
        self, gate: StockGate, intents: Intents, redis: Redis
    ) -> None:
        await accept(gate, A)
        [entry] = await intents.read("one", 10, 100)
        await redis.xdel(KEYS.intents, entry.entry_id)
        claimed = await intents.claim_from_dead("two", 0, 10)
        for left in claimed:
            with pytest.raises(MalformedIntent):
                left.intent()
            assert await intents.bury(left, "gone")
        assert (await backlog_of(redis)).pending == 0


class TestBury:
    async def test_moves_an_entry_to_the_dead_ones_once(
        self, gate: StockGate, intents: Intents, redis: Redis
    ) -> None:
        await accept(gate, A)
        [entry] = await intents.read("one", 10, 100)
        assert [await intents.bury(entry, "no good"), await intents.bury(entry, "again")] == [
            True,
            False,
        ]
        [dead] = [dead async for dead in intents.dead(ITEM)]
        assert (dead.error, dead.entry_id, dead.fields) == ("no good", entry.entry_id, entry.fields)
        assert await backlog_of(redis) == Backlog(waiting=0, pending=0, dead=1)

    async def test_a_revived_intent_waits_again_with_its_failures_forgotten(
        self, gate: StockGate, intents: Intents, redis: Redis
    ) -> None:
        await accept(gate, A)
        [entry] = await intents.read("one", 10, 100)
        await intents.bury(entry, "no good")
        [dead] = [dead async for dead in intents.dead(ITEM)]
        await intents.revive(dead)
        [again] = await intents.read("one", 10, 100)
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
        self, gate: StockGate, intents: Intents, redis: Redis, fields: dict[str, str]
    ) -> None:
        await gate.preheat(terms_of(), 5)
        await put_in_stream(redis, fields)
        [entry] = await intents.read("one", 10, 100)
        with pytest.raises(MalformedIntent):
            entry.intent()
        assert await intents.bury(entry, "malformed")


class TestLeave:
    async def test_forgets_a_consumer_that_left_nothing_pending(
        self, gate: StockGate, intents: Intents, redis: Redis
    ) -> None:
        await accept(gate, A, B)
        [done] = await intents.read("tidy", 1, 100)
        await intents.acknowledge(done)
        await intents.read("busy", 1, 100)
        for consumer in ("tidy", "busy"):
            await intents.leave(consumer)
        consumers = await redis.xinfo_consumers(KEYS.intents, GROUP)
        assert [consumer["name"] for consumer in consumers] == ["busy"]
        assert orders_in(await intents.claim_from_dead("next", 0, 10)) == [B]
