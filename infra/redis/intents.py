"""Intents: accepted requests in Redis streams, until Temporal has each of them.

One stream per item, one consumer group over all of them. An acknowledged entry is deleted, so a
stream holds what no workflow has taken over yet and nothing else.
"""

import random
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from domain.sale import ItemRef
from infra.redis.intent_entries import DeadIntent, IntentEntry
from infra.redis.keys import BELL, DIRECTORY, LIVE_STREAMS, ItemKeys, item_from_line
from infra.redis.live_streams import LiveStreams
from infra.redis.scripts import Scripts

GROUP = "dispatcher"
STREAMS_AT_ONCE = 64
PAGE = 500


class Intents:
    """Raises `redis.exceptions.RedisError` when Redis is away; every call may be repeated."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._live = LiveStreams(redis, self._scripts)
        # A blocking read that outlives the client's timeout would look like a dead server.
        timeout = redis.connection_pool.connection_kwargs.get("socket_timeout")
        self._longest_block_ms = int(timeout * 500) if timeout else None

    async def read(self, consumer: str, count: int, block_ms: int) -> list[IntentEntry]:
        """New entries, about `count` of them, waiting at most `block_ms` for the first."""
        found = await self._read_waiting(consumer, count)
        block_ms = min(block_ms, self._longest_block_ms or block_ms)
        if not found and await self._live.wait(block_ms):
            found = await self._read_waiting(consumer, count)
        return found

    async def claim_from_dead(self, consumer: str, idle_ms: int, count: int) -> list[IntentEntry]:
        """Entries that some consumer took and has let lie for `idle_ms`; about `count` of them.

        Being claimed does not count against an entry, only `record_failure` does: a process that
        dies again and again while Temporal is away must not bury good orders.
        """
        streams = await self._live.all()
        idle = await self._idle_entries(streams, idle_ms, count)
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

    async def list_again(self) -> int:
        """Have every stream read again that holds an entry, whoever lost it from the list of those
        that do. Answers how many were lost."""
        return await self._live.list_again(await self.items())

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
        keys = [ItemKeys.of(entry.item).intents, LIVE_STREAMS]
        await self._scripts.acknowledge(keys=keys, args=[GROUP, entry.entry_id])

    async def bury(self, entry: IntentEntry, error: str) -> bool:
        """Move it to the dead ones with what was wrong. False if it is no longer pending."""
        keys = ItemKeys.of(entry.item)
        said = [part for field in entry.fields.items() for part in field]
        return bool(
            await self._scripts.bury(
                [keys.intents, keys.dead, LIVE_STREAMS], [GROUP, entry.entry_id, error, *said]
            )
        )

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

    async def leave(self, consumer: str) -> None:
        """Be forgotten where nothing is left pending; the rest waits to be claimed."""
        streams = [ItemKeys.of(item).intents for item in await self.items()]
        for key in dict.fromkeys([*streams, *await self._live.all()]):
            with suppress(ResponseError):
                if not await self._redis.xpending_range(key, GROUP, "-", "+", 1, consumer):
                    await self._redis.xgroup_delconsumer(key, GROUP, consumer)

    async def _read_waiting(self, consumer: str, count: int) -> list[IntentEntry]:
        streams = await self._live.some(min(count, STREAMS_AT_ONCE))
        if not streams:
            return []
        # Redis counts per stream, we count in all.
        share = -(-count // len(streams))
        news: dict[Any, Any] = dict.fromkeys(streams, ">")
        try:
            reply = await self._redis.xreadgroup(GROUP, consumer, news, count=share)
        except ResponseError as error:
            _require_no_group(error)
            for key in streams:
                await self._ensure_group(key)
            reply = await self._redis.xreadgroup(GROUP, consumer, news, count=share)
        return [
            IntentEntry(item=streams[key], entry_id=entry_id, fields=fields)
            for key, entries in cast(list[tuple[str, list[tuple[str, dict[str, str]]]]], reply)
            for entry_id, fields in entries
        ]

    async def _ensure_group(self, key: str) -> None:
        try:
            # From the beginning: the first buyers may have been faster than the dispatcher.
            await self._redis.xgroup_create(key, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def _idle_entries(
        self, streams: Iterable[str], idle_ms: int, count: int
    ) -> list[tuple[str, str, int]]:
        """Key, entry id and deliveries of each; of other streams first each time."""
        keys = list(streams)
        random.shuffle(keys)
        found: list[tuple[str, str, int]] = []
        for start in range(0, len(keys), STREAMS_AT_ONCE):
            if len(found) >= count:
                break
            some = keys[start : start + STREAMS_AT_ONCE]
            questions = self._redis.pipeline(transaction=False)
            for key in some:
                questions.xpending_range(key, GROUP, "-", "+", count, idle=idle_ms)
            for key, reply in zip(some, await questions.execute(raise_on_error=False), strict=True):
                if isinstance(reply, Exception):
                    # Nobody has taken anything from it yet.
                    _require_no_group(reply)
                    continue
                found += [(key, one["message_id"], one["times_delivered"]) for one in reply]
        return found[:count]

    async def _entries(self, key: str) -> AsyncIterator[tuple[str, dict[str, str]]]:
        after = "-"
        while page := await self._redis.xrange(key, after, "+", count=PAGE):
            for entry_id, fields in cast(list[tuple[str, dict[str, str]]], page):
                yield entry_id, fields
            after = f"({page[-1][0]!s}"


def _require_no_group(error: Exception) -> None:
    """A stream is new, or went away under us; any other error is raised."""
    if not str(error).startswith("NOGROUP"):
        raise error
