"""Two consumer groups of every stream of intents: who places orders, and who starts workflows.

Each group is given every entry. PLACE is the one that may bury an entry, START the one that deletes
it: once Temporal has the order, nobody needs the entry any more. An entry belongs to who has taken
it for as long as he lives, which one key per consumer says.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Protocol, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from domain.sale import ItemRef
from infra.redis.intent_entries import IntentEntry
from infra.redis.keys import LIVE_STREAMS, STARTED, ItemKeys, alive_key
from infra.redis.scripts import Scripts

log = structlog.get_logger()

ALIVE_MS = 3_000
RENEWALS_A_LIFE = 3
STREAMS_AT_ONCE = 64
PAGE = 500
SINGLE_GROUP = "dispatcher"


class Group(StrEnum):
    PLACE = "place"
    START = "start"


class StreamsToRead(Protocol):
    """Streams that hold an entry, by key."""

    async def some(self, most: int) -> dict[str, ItemRef]:
        """`most` of them at most, others each time."""

    async def all(self) -> dict[str, ItemRef]: ...

    async def wait(self, at_most_ms: int) -> bool:
        """Until one of them gets an entry; False if none did."""


class IntentGroup:
    """One consumer of one group. Raises `redis.exceptions.RedisError` when Redis is away; every
    call may be repeated. `alive_ms`: so long after its last breath a consumer counts as living."""

    def __init__(
        self,
        redis: Redis,
        streams: StreamsToRead,
        group: Group,
        consumer: str,
        *,
        alive_ms: int = ALIVE_MS,
    ) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._streams = streams
        self._group = group
        self._consumer = consumer
        self._alive_ms = alive_ms
        self._in_hand: set[tuple[str, str]] = set()
        # Where our name stands.
        self._known_in: set[str] = set()
        # A blocking read that outlives the client's timeout would look like a dead server.
        timeout = redis.connection_pool.connection_kwargs.get("socket_timeout")
        self._longest_block_ms = int(timeout * 500) if timeout else None

    async def stay_alive(self) -> None:
        """Until cancelled: a breath three times in a life, so that one may be missed."""
        while True:
            try:
                await self.breathe()
            except RedisError as error:
                log.warning("breath_missed", consumer=self._consumer, error=repr(error)[:200])
            await asyncio.sleep(self._alive_ms / 1000 / RENEWALS_A_LIFE)

    async def breathe(self) -> None:
        """Without it, whatever is taken may be taken over by others."""
        await self._redis.set(alive_key(self._group, self._consumer), "", px=self._alive_ms)

    async def read(self, count: int, block_ms: int) -> list[IntentEntry]:
        """New entries, about `count` of them, waiting at most `block_ms` for the first."""
        found = await self._read_waiting(count)
        block_ms = min(block_ms, self._longest_block_ms or block_ms)
        if not found and await self._streams.wait(block_ms):
            found = await self._read_waiting(count)
        return found

    async def take_over(self, count: int) -> list[IntentEntry]:
        """About `count` entries whose consumer is gone, and those of our own that nobody has in
        hand: they failed, or the answer that gave them to us was lost."""
        streams = await self._streams.all()
        # First of all, or the next one who looks takes it over from us.
        await self.breathe()
        taken: list[IntentEntry] = []
        for key, gone in await self._left_behind(streams):
            if len(taken) >= count:
                break
            reply = await self._scripts.take_over(
                keys=[key, alive_key(self._group, gone)],
                args=[self._group, gone, self._consumer, min(count - len(taken), PAGE)],
            )
            for entry_id, deliveries, said in reply:
                fields = dict(zip(said[::2], said[1::2], strict=True))
                taken.append(self._take(streams[key], entry_id, fields, deliveries - 1))
        return taken + await self._take_back(streams, count - len(taken))

    async def record_failure(self, entry: IntentEntry) -> None:
        """Count a failure by the entry's own fault, and let it lie for a life before it comes
        again."""
        # The first delivery is one; saying the number makes a repeat of this call harmless.
        await self._redis.xclaim(
            ItemKeys.of(entry.item).intents,
            self._group,
            self._consumer,
            0,
            [entry.entry_id],
            retrycount=entry.failures + 2,
            justid=True,
        )
        self.let_go([entry])

    def let_go(self, entries: Iterable[IntentEntry]) -> None:
        """Have them in hand no longer; what is not finished comes again after a life."""
        for entry in entries:
            self._in_hand.discard((ItemKeys.of(entry.item).intents, entry.entry_id))

    def has_in_hand(self, entry: IntentEntry) -> bool:
        return (ItemKeys.of(entry.item).intents, entry.entry_id) in self._in_hand

    async def finish(self, entries: Sequence[IntentEntry]) -> None:
        """What the group is for is done. START deletes the entries as well, done by PLACE or not:
        a workflow places by itself what it finds unplaced."""
        by_stream: defaultdict[str, list[str]] = defaultdict(list)
        for entry in entries:
            by_stream[ItemKeys.of(entry.item).intents].append(entry.entry_id)
        deletes = int(self._group is Group.START)
        for key, ids in by_stream.items():
            for start in range(0, len(ids), PAGE):
                page = ids[start : start + PAGE]
                keys = [key, LIVE_STREAMS, STARTED]
                await self._scripts.finish(keys, [self._group, deletes, *page])
        self.let_go(entries)

    async def bury(self, entry: IntentEntry, error: str) -> bool:
        """Move it to the dead ones with what was wrong, placed or not. False if another consumer
        is placing it, or Temporal has it. Raises ValueError in a group that may not bury."""
        if self._group is not Group.PLACE:
            raise ValueError(f"{self._group} buries nothing")
        keys = ItemKeys.of(entry.item)
        said = [part for field in entry.fields.items() for part in field]
        buried = await self._scripts.give_up(
            [keys.intents, keys.dead, LIVE_STREAMS],
            [Group.PLACE, Group.START, self._consumer, entry.entry_id, error, *said],
        )
        self.let_go([entry])
        return bool(buried)

    async def leave(self) -> None:
        """Be gone at once: what is left pending may be taken over now."""
        await self._redis.delete(alive_key(self._group, self._consumer))
        self._in_hand.clear()
        for key in self._known_in:
            with _no_group_yet():
                if not await self._pending(key, at_most=1, idle_ms=None):
                    await self._redis.xgroup_delconsumer(key, self._group, self._consumer)

    async def _read_waiting(self, count: int) -> list[IntentEntry]:
        streams = await self._streams.some(min(count, STREAMS_AT_ONCE))
        if not streams:
            return []
        # Redis counts per stream, we count in all.
        share = -(-count // len(streams))
        news: dict[Any, Any] = dict.fromkeys(streams, ">")
        # As in `take_over`.
        await self.breathe()
        try:
            reply = await self._redis.xreadgroup(self._group, self._consumer, news, count=share)
        except ResponseError as error:
            _require_no_group(error)
            for key in streams:
                await self._ensure_group(key)
            reply = await self._redis.xreadgroup(self._group, self._consumer, news, count=share)
        return [
            self._take(streams[key], entry_id, fields, 0)
            for key, entries in cast(list[tuple[str, list[tuple[str, dict[str, str]]]]], reply)
            for entry_id, fields in entries
        ]

    async def _ensure_group(self, key: str) -> None:
        try:
            # From the beginning: the first buyers may have been faster than we.
            await self._redis.xgroup_create(key, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
        # The release before this one had a single group. Its entries are read again by both of
        # these, and what it had in hand is found done, or done.
        await self._redis.xgroup_destroy(key, SINGLE_GROUP)

    async def _left_behind(self, streams: Iterable[str]) -> list[tuple[str, str]]:
        """Streams with entries of a consumer that is gone, and his name."""
        keys = list(streams)
        questions = self._redis.pipeline(transaction=False)
        for key in keys:
            questions.xpending(key, self._group)
        holders: list[tuple[str, str]] = []
        for key, reply in zip(keys, await questions.execute(raise_on_error=False), strict=True):
            if isinstance(reply, Exception):
                # Nobody has taken anything from it yet.
                _require_no_group(reply)
                continue
            holders += [(key, str(holder["name"])) for holder in reply["consumers"]]
        others = [(key, name) for key, name in holders if name != self._consumer]
        breaths = self._redis.pipeline(transaction=False)
        for _, name in others:
            breaths.exists(alive_key(self._group, name))
        return [
            holder
            for holder, lives in zip(others, await breaths.execute(), strict=True)
            if not lives
        ]

    async def _take_back(self, streams: Mapping[str, ItemRef], count: int) -> list[IntentEntry]:
        taken: list[IntentEntry] = []
        for key, item in streams.items():
            if len(taken) >= count:
                break
            with _no_group_yet():
                # Those in hand lie as well, and may be the first ones.
                at_most = len(self._in_hand) + count
                lying = await self._pending(key, at_most, idle_ms=self._alive_ms)
                for entry_id, deliveries in lying:
                    if (key, entry_id) in self._in_hand or len(taken) >= count:
                        continue
                    fields = await self._claim_again(key, entry_id, deliveries)
                    if fields is not None:
                        taken.append(self._take(item, entry_id, fields, deliveries - 1))
        return taken

    async def _claim_again(self, key: str, entry_id: str, deliveries: int) -> dict[str, str] | None:
        reply = await self._redis.xclaim(
            key,
            self._group,
            self._consumer,
            self._alive_ms,
            [entry_id],
            retrycount=deliveries,
        )
        if reply and reply[0][0] is not None:
            return cast(dict[str, str], reply[0][1])
        # The other group was done with it and has deleted it; or somebody took it meanwhile.
        if not await self._redis.xrange(key, entry_id, entry_id):
            await self._redis.xack(key, self._group, entry_id)
        return None

    async def _pending(
        self, key: str, at_most: int, *, idle_ms: int | None
    ) -> list[tuple[str, int]]:
        """Entries of our own, each with the number of its deliveries."""
        reply = await self._redis.xpending_range(
            key, self._group, "-", "+", at_most, self._consumer, idle=idle_ms
        )
        return [(str(one["message_id"]), int(one["times_delivered"])) for one in reply]

    def _take(
        self, item: ItemRef, entry_id: str, fields: dict[str, str], failures: int
    ) -> IntentEntry:
        key = ItemKeys.of(item).intents
        self._known_in.add(key)
        self._in_hand.add((key, entry_id))
        return IntentEntry(item=item, entry_id=entry_id, fields=fields, failures=failures)


@contextmanager
def _no_group_yet() -> Iterator[None]:
    """Nobody has taken anything from the stream, or it went away under us."""
    try:
        yield
    except ResponseError as error:
        _require_no_group(error)


def _require_no_group(error: Exception) -> None:
    if not str(error).startswith("NOGROUP"):
        raise error
