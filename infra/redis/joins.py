"""Streams of joins: what became of tickets and is not written down yet.

No consumer group: entries are read from the oldest, written down so that twice is once, and then
deleted. Whoever dies in between leaves them where they are, for whoever reads next.
"""

from collections.abc import Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from domain.sale import ItemRef
from infra.redis.keys import RoomKeys


class JoinEntry(NamedTuple):
    entry_id: str
    fields: dict[str, str]


class Joins:
    """Raises `redis.exceptions.RedisError` when Redis is away; every call may be repeated."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def oldest(self, items: Sequence[ItemRef], most: int) -> dict[ItemRef, list[JoinEntry]]:
        """`most` of each item at most; items without one are left out."""
        reads = self._redis.pipeline(transaction=False)
        for item in items:
            reads.xrange(RoomKeys.of(item).joins, count=most)
        return {
            item: [JoinEntry(str(entry_id), fields) for entry_id, fields in entries]
            for item, entries in zip(items, await reads.execute(), strict=True)
            if entries
        }

    async def forget(self, item: ItemRef, entries: Sequence[JoinEntry]) -> None:
        """Once they are written down."""
        await self._redis.xdel(RoomKeys.of(item).joins, *(entry.entry_id for entry in entries))

    async def newest(self, item: ItemRef) -> str | None:
        """The id of the last entry there is; None for an empty stream."""
        last = await self._redis.xrevrange(RoomKeys.of(item).joins, count=1)
        return str(last[0][0]) if last else None

    async def are_forgotten(self, item: ItemRef, up_to: str) -> bool:
        """Whether no entry is left that is as old as this one, or older."""
        return not await self._redis.xrange(RoomKeys.of(item).joins, max=up_to, count=1)
