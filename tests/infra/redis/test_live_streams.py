"""A dispatcher reads streams that hold an entry, and pays for no others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from domain.ids import new_order_id
from domain.sale import ItemRef
from infra.redis.intent_groups import Group, IntentGroup
from infra.redis.intents import Intents
from infra.redis.keys import LIVE_STREAMS, ItemKeys
from infra.redis.stock_gate import StockGate
from tests.support.gate import ITEM, OTHER_ITEM, request_for, terms_of
from tests.support.intent_groups import reading

OLD_ITEMS = [ItemRef(sale_id=f"OLD{n}", sku_id="sku") for n in range(1000)]
A, B, C = (new_order_id(1, 1_700_000_000_000 + n) for n in range(3))


@pytest.fixture
def intents(redis: Redis) -> Intents:
    return Intents(redis)


@pytest.fixture
def reader(redis: Redis) -> IntentGroup:
    return reading(redis, Group.START)


async def live(redis: Redis) -> set[str]:
    return {str(key) for key in await redis.smembers(LIVE_STREAMS)}


async def accept(gate: StockGate, *order_ids: str, item: ItemRef = ITEM, number: int = 1) -> None:
    await gate.preheat(terms_of(item, number=number), 100)
    for order_id in order_ids:
        await gate.reserve(request_for(order_id, order_id, item=item))


class Counted:
    """What Redis did meanwhile."""

    commands: int
    keys: int


@asynccontextmanager
async def counted(redis: Redis) -> AsyncIterator[Counted]:
    """Commands the server ran, and keys that a multi-stream read named."""
    seen = Counted()
    named: list[int] = []
    client: Any = redis
    send = client.execute_command

    async def watched(*parts: object, **options: object) -> Any:
        named.append(sum(str(part).startswith("seckill:") for part in parts))
        return await send(*parts, **options)

    client.execute_command = watched
    before = (await redis.info("stats"))["total_commands_processed"]
    try:
        yield seen
    finally:
        after = (await redis.info("stats"))["total_commands_processed"]
        client.execute_command = send
        # The two INFOs are our own; the first is not counted yet when it answers.
        seen.commands, seen.keys = after - before - 1, sum(named)


async def costs_of_a_round(
    redis: Redis, gate: StockGate, reader: IntentGroup, order_id: str
) -> object:
    await accept(gate, order_id)
    async with counted(redis) as cost:
        taken = await reader.read(64, 10)
        assert len(taken) == 1
        await reader.take_over(64)
        await reader.finish(taken)
        await reader.read(64, 10)
    return cost.commands, cost.keys


async def test_a_read_costs_the_same_after_a_thousand_sales(
    redis: Redis, gate: StockGate, intents: Intents, reader: IntentGroup
) -> None:
    # The first one makes the group and loads the scripts.
    await costs_of_a_round(redis, gate, reader, A)
    with_one = await costs_of_a_round(redis, gate, reader, B)
    for number, item in enumerate(OLD_ITEMS, 2):
        await accept(gate, new_order_id(number, 1_700_000_000_000), item=item, number=number)
    while entries := await reader.read(64, 10):
        await reader.finish(entries)

    with_many = await costs_of_a_round(redis, gate, reader, C)

    assert with_one == with_many
    assert len(await intents.items()) == 1001


async def test_a_stream_is_live_from_its_first_entry_to_its_last(
    redis: Redis, gate: StockGate, intents: Intents
) -> None:
    await gate.preheat(terms_of(), 100)
    assert await live(redis) == set()
    await accept(gate, A, B)
    await accept(gate, C, item=OTHER_ITEM)
    both = {ItemKeys.of(item).intents for item in (ITEM, OTHER_ITEM)}
    assert await live(redis) == both
    starting = reading(redis, Group.START)
    entries = {entry.order_id: entry for entry in await starting.read(10, 10)}

    await starting.finish([entries[A]])
    assert await live(redis) == both
    await starting.finish([entries[B]])
    assert await live(redis) == {ItemKeys.of(OTHER_ITEM).intents}
    await reading(redis, Group.PLACE).bury(entries[C], "no good")
    assert await live(redis) == set()

    [dead] = [dead async for dead in intents.dead(OTHER_ITEM)]
    await intents.revive(dead)
    assert await live(redis) == {ItemKeys.of(OTHER_ITEM).intents}


async def test_more_streams_than_one_read_takes_are_all_read(
    gate: StockGate, reader: IntentGroup
) -> None:
    accepted = set()
    for item in OLD_ITEMS[:150]:
        order_id = new_order_id(1, 1_700_000_000_000)
        await accept(gate, order_id, item=item)
        accepted.add(order_id)
    read: set[str | None] = set()
    while read != accepted:
        entries = await reader.read(64, 10)
        assert len(entries) <= 64
        read |= {entry.order_id for entry in entries}
        await reader.finish(entries)


async def test_a_stream_left_out_of_the_list_is_listed_again_and_an_empty_one_struck_off(
    redis: Redis, gate: StockGate, intents: Intents, reader: IntentGroup
) -> None:
    await accept(gate, A)
    await redis.delete(LIVE_STREAMS)
    await redis.sadd(LIVE_STREAMS, ItemKeys.of(OTHER_ITEM).intents)
    assert await reader.read(10, 10) == []

    assert await intents.list_again() == 1

    assert await live(redis) == {ItemKeys.of(ITEM).intents}
    assert [entry.order_id for entry in await reader.read(10, 10)] == [A]
    assert await intents.list_again() == 0


async def test_a_click_wakes_a_reader_who_waits(gate: StockGate, reader: IntentGroup) -> None:
    await gate.preheat(terms_of(), 100)
    assert await reader.read(10, 10) == []
    waiting = asyncio.create_task(reader.read(10, 900))
    await asyncio.sleep(0.05)
    await accept(gate, A)
    found = await asyncio.wait_for(waiting, 0.6)
    assert [entry.order_id for entry in found] == [A]
