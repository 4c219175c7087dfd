"""Intents: accepted requests in Redis streams, until Temporal has each of them.

One stream per item, read by the two groups of `intent_groups`. An entry is deleted once its
workflow is started, so a stream holds what no workflow has taken over yet and nothing else.
"""

from collections.abc import AsyncIterator
from typing import Any, cast

from redis.asyncio import Redis

from domain.sale import ItemRef
from infra.redis.intent_entries import DeadIntent, IntentEntry
from infra.redis.keys import BELL, DIRECTORY, LIVE_STREAMS, ItemKeys, item_from_line
from infra.redis.live_streams import LiveStreams

PAGE = 500


class Intents:
    """Raises `redis.exceptions.RedisError` when Redis is away; every call may be repeated."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._live = LiveStreams.of(redis)

    async def list_again(self) -> int:
        """Have every stream read again that holds an entry, whoever lost it from the list of those
        that do. Answers how many were lost."""
        return await self._live.list_again(await self.items())

    async def revive(self, dead: DeadIntent) -> None:
        """Let a dead intent wait again, its failures forgotten, once its cause is put right."""
        keys = ItemKeys.of(dead.item)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.xadd(keys.intents, cast(dict[Any, Any], dead.fields))
            # Inside a pipeline these only queue the command; there is nothing to await.
            pipeline.execute_command("SADD", LIVE_STREAMS, keys.intents)
            pipeline.xadd(BELL, {"order": "revived"}, maxlen=1, approximate=False)
            pipeline.xdel(keys.dead, dead.dead_id)
            await pipeline.execute()

    async def forget(self, dead: DeadIntent) -> None:
        """A person has seen to it: it will not become an order any more."""
        await self._redis.xdel(ItemKeys.of(dead.item).dead, dead.dead_id)

    async def unfinished(self, item: ItemRef) -> AsyncIterator[IntentEntry]:
        """Accepted and not yet with Temporal, oldest first, pending ones included."""
        async for entry_id, fields in self._entries(ItemKeys.of(item).intents):
            yield IntentEntry(item=item, entry_id=entry_id, fields=fields)

    async def dead(self, item: ItemRef) -> AsyncIterator[DeadIntent]:
        """What was given up, oldest first."""
        async for dead_id, fields in self._entries(ItemKeys.of(item).dead):
            entry_id, error = fields.pop("entry_id", ""), fields.pop("error", "")
            yield DeadIntent(
                item=item, dead_id=dead_id, entry_id=entry_id, error=error, fields=fields
            )

    async def items(self) -> list[ItemRef]:
        """Every item the gate knows: preheated and not retired."""
        lines = await self._redis.hvals(DIRECTORY)
        return [item_from_line(str(line)) for line in lines]

    async def _entries(self, key: str) -> AsyncIterator[tuple[str, dict[str, str]]]:
        after = "-"
        while page := await self._redis.xrange(key, after, "+", count=PAGE):
            for entry_id, fields in cast(list[tuple[str, dict[str, str]]], page):
                yield entry_id, fields
            after = f"({page[-1][0]!s}"
