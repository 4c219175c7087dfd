"""Readers of the streams of intents, as tests of them begin."""

import asyncio

from redis.asyncio import Redis

from domain.sale import ItemRef
from infra.redis.intent_entries import IntentEntry
from infra.redis.intent_groups import ALIVE_MS, Group, IntentGroup
from infra.redis.keys import ItemKeys, alive_key
from infra.redis.live_streams import LiveStreams
from infra.redis.stock_gate import StockGate
from tests.support.gate import ITEM, OTHER_ITEM, request_for, terms_of

KEYS = ItemKeys.of(ITEM)
SHORT_MS = 300


class BothStreams:
    """Live at all times, whatever is in them."""

    async def some(self, most: int) -> dict[str, ItemRef]:
        return await self.all()

    async def all(self) -> dict[str, ItemRef]:
        return {ItemKeys.of(item).intents: item for item in (ITEM, OTHER_ITEM)}

    async def wait(self, at_most_ms: int) -> bool:
        await asyncio.sleep(at_most_ms / 1000)
        return True


def reading(
    redis: Redis, group: Group, name: str = "test", *, alive_ms: int = ALIVE_MS
) -> IntentGroup:
    """A consumer of the streams that are live, as production has them."""
    return IntentGroup(redis, LiveStreams.of(redis), group, name, alive_ms=alive_ms)


async def start_all(redis: Redis) -> list[IntentEntry]:
    """As if Temporal had all of them."""
    starting = reading(redis, Group.START)
    entries = await starting.read(1000, 10)
    await starting.finish(entries)
    return entries


async def bury_one(redis: Redis, error: str) -> IntentEntry:
    """The one that waits."""
    placing = reading(redis, Group.PLACE)
    [entry] = await placing.read(10, 10)
    assert await placing.bury(entry, error)
    return entry


def placer(redis: Redis, name: str = "one", alive_ms: int = SHORT_MS) -> IntentGroup:
    return IntentGroup(redis, BothStreams(), Group.PLACE, name, alive_ms=alive_ms)


def starter(redis: Redis, name: str = "one", alive_ms: int = SHORT_MS) -> IntentGroup:
    return IntentGroup(redis, BothStreams(), Group.START, name, alive_ms=alive_ms)


async def accept(gate: StockGate, *order_ids: str, item: ItemRef = ITEM) -> None:
    await gate.preheat(terms_of(item, number=1 if item == ITEM else 2, limit=9), 100)
    for order_id in order_ids:
        await gate.reserve(request_for(order_id, f"user of {order_id}", item=item))


def orders_in(entries: list[IntentEntry]) -> list[str]:
    return [entry.intent().order_id for entry in entries]


async def pending(redis: Redis, group: Group) -> int:
    return int((await redis.xpending(KEYS.intents, group))["pending"])


async def gone(redis: Redis, group: Group, name: str) -> None:
    """As if its process was killed, its last breath a life ago."""
    await redis.delete(alive_key(group, name))
