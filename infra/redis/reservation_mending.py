"""Single reservations put right in Redis while everybody goes on buying."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from redis.asyncio import Redis

from domain.sale import ItemRef
from infra.redis.item_snapshots import STOCK
from infra.redis.keys import ItemKeys
from infra.redis.scripts import Scripts


class Mend(StrEnum):
    """What became of one: MOVED has changed since it was seen, SHORT would take units that are
    not there, UNKNOWN is of an item that Redis does not know."""

    MENDED = "mended"
    MOVED = "moved"
    SHORT = "short"
    UNKNOWN = "unknown"


class LineChange(NamedTuple):
    """`seen` is empty where there was none."""

    order_id: str
    seen: str
    should: str


class ReservationMending:
    """Raises `redis.exceptions.RedisError` when Redis is away. Every call may be repeated: what
    was done is then seen to have moved."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._script = Scripts(redis).mend

    async def knows(self, item: ItemRef) -> bool:
        """Whether Redis has the item's stock, without which nobody can buy it."""
        return bool(await self._redis.hexists(ItemKeys.of(item).item, STOCK))

    async def lines(self, item: ItemRef, order_ids: Sequence[str]) -> dict[str, str]:
        """Each order's line as Redis keeps it, of one moment; empty where there is none."""
        if not order_ids:
            return {}
        found = await self._redis.hmget(ItemKeys.of(item).reservations, list(order_ids))
        return {
            order_id: "" if line is None else str(line)
            for order_id, line in zip(order_ids, found, strict=True)
        }

    async def mend(self, item: ItemRef, changes: Sequence[LineChange]) -> list[Mend]:
        """Redis serves nobody else meanwhile, so no more than some hundreds at once."""
        if not changes:
            return []
        keys = ItemKeys.of(item)
        answers = await self._script(
            [keys.item, keys.buyers, keys.reservations],
            [part for change in changes for part in change],
        )
        return [Mend(answer) for answer in answers]
