"""Intents: accepted requests in Redis streams, until Temporal has each of them.

One stream per item, one consumer group over all of them. An acknowledged entry is deleted, so a
stream holds what no workflow has taken over yet and nothing else.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sized
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from domain.sale import ItemRef
from infra.redis.intent_entries import DeadIntent, IntentEntry
from infra.redis.keys import DIRECTORY, ItemKeys, item_from_line
from infra.redis.scripts import Scripts

GROUP = "dispatcher"
DIRECTORY_FRESH_SECONDS = 1.0
PAGE = 500


class Intents:
    """Raises `redis.exceptions.RedisError` when Redis is away; every call may be repeated."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._streams: dict[str, ItemRef] = {}
        self._streams_until = 0.0
        # A blocking read that outlives the client's timeout would look like a dead server.
        timeout = redis.connection_pool.connection_kwargs.get("socket_timeout")
        self._longest_block_ms = int(timeout * 500) if timeout else None

    async def read(self, consumer: str, count: int, block_ms: int) -> list[IntentEntry]:
        """New entries, about `count` of them, waiting at most `block_ms` for the first."""
        block_ms = min(block_ms, self._longest_block_ms or block_ms)
        streams = await self._known_streams()
        if not streams:
            await asyncio.sleep(block_ms / 1000)
            return []
        try:
            reply = await self._redis.xreadgroup(
                GROUP,
                consumer,
                dict.fromkeys(streams, ">"),
                count=_share(count, streams),
                block=block_ms,
            )
        except ResponseError as error:
            self._look_again_for_streams(error)
            return []
        return [
            IntentEntry(item=streams[key], entry_id=entry_id, fields=fields)
            for key, entries in cast(list[tuple[str, list[tuple[str, dict[str, str]]]]], reply)
            for entry_id, fields in entries
        ]

    async def claim_from_dead(self, consumer: str, idle_ms: int, count: int) -> list[IntentEntry]:
        """Entries that some consumer took and has let lie for `idle_ms`; about `count` of them.

        Being claimed does not count against an entry, only `record_failure` does: a process that
        dies again and again while Temporal is away must not bury good orders.
        """
        streams = await self._known_streams()
        if not streams:
            return []
        idle = await self._idle_entries(streams, idle_ms, _share(count, streams))
        # Not XAUTOCLAIM: that cannot both leave the count alone and say what the entry holds.
        claims = self._redis.pipeline(transaction=False)
        for key, entry_id, deliveries in idle:
            claims.xclaim(key, GROUP, consumer, idle_ms, [entry_id], retrycount=deliveries)
        replies = await claims.execute()
        return [
            IntentEntry(
                item=streams[key],
                entry_id=entry_id,
                fields=reply[0][1] or {},
                failures=deliveries - 1,
            )
            for (key, entry_id, deliveries), reply in zip(idle, replies, strict=True)
            if reply
        ]

    async def record_failure(self, entry: IntentEntry, consumer: str) -> None:
        """Count a failure by the entry's own fault, and let it lie until it is claimed again."""
        # The first delivery is one; saying the number makes a repeat of this call harmless.
        await self._redis.xclaim(
            ItemKeys.of(entry.item).intents,
            GROUP,
            consumer,
            0,
            [entry.entry_id],
            retrycount=entry.failures + 2,
            justid=True,
        )

    async def acknowledge(self, entry: IntentEntry) -> None:
        """Temporal has it: the entry may go."""
        key = ItemKeys.of(entry.item).intents
        await self._scripts.acknowledge(keys=[key], args=[GROUP, entry.entry_id])

    async def bury(self, entry: IntentEntry, error: str) -> bool:
        """Move it to the dead ones with what was wrong. False if it is no longer pending."""
        keys = ItemKeys.of(entry.item)
        said = [part for field in entry.fields.items() for part in field]
        return bool(
            await self._scripts.bury(
                [keys.intents, keys.dead], [GROUP, entry.entry_id, error, *said]
            )
        )

    async def revive(self, dead: DeadIntent) -> None:
        """Let a dead intent wait again, its failures forgotten, once its cause is put right."""
        keys = ItemKeys.of(dead.item)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.xadd(keys.intents, cast(dict[Any, Any], dead.fields))
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
        """Every item that was ever preheated."""
        lines = await self._redis.hvals(DIRECTORY)
        return [item_from_line(str(line)) for line in lines]

    async def leave(self, consumer: str) -> None:
        """Be forgotten where nothing is left pending; the rest waits to be claimed."""
        for key in await self._known_streams():
            if not await self._redis.xpending_range(key, GROUP, "-", "+", 1, consumer):
                await self._redis.xgroup_delconsumer(key, GROUP, consumer)

    async def _known_streams(self) -> dict[str, ItemRef]:
        if time.monotonic() < self._streams_until:
            return self._streams
        found = {ItemKeys.of(item).intents: item for item in await self.items()}
        for key in found.keys() - self._streams.keys():
            await self._ensure_group(key)
        self._streams = found
        self._streams_until = time.monotonic() + DIRECTORY_FRESH_SECONDS
        return found

    async def _ensure_group(self, key: str) -> None:
        try:
            # From the beginning: the first buyers may have been faster than the dispatcher.
            await self._redis.xgroup_create(key, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _look_again_for_streams(self, error: ResponseError) -> None:
        """A stream went away under us (Redis was emptied or restored); anything else is raised."""
        if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
            raise error
        self._streams, self._streams_until = {}, 0.0

    async def _idle_entries(
        self, streams: dict[str, ItemRef], idle_ms: int, count: int
    ) -> list[tuple[str, str, int]]:
        """Key, entry id and deliveries of each."""
        questions = self._redis.pipeline(transaction=False)
        for key in streams:
            questions.xpending_range(key, GROUP, "-", "+", count, idle=idle_ms)
        replies = await questions.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, ResponseError):
                self._look_again_for_streams(reply)
                return []
        return [
            (key, pending["message_id"], pending["times_delivered"])
            for key, reply in zip(streams, replies, strict=True)
            for pending in reply
        ]

    async def _entries(self, key: str) -> AsyncIterator[tuple[str, dict[str, str]]]:
        after = "-"
        while page := await self._redis.xrange(key, after, "+", count=PAGE):
            for entry_id, fields in cast(list[tuple[str, dict[str, str]]], page):
                yield entry_id, fields
            after = f"({page[-1][0]!s}"


def _share(count: int, streams: Sized) -> int:
    """Redis counts per stream, we count in all."""
    return -(-count // len(streams))
