"""What a process remembers of an item for a moment, so that reading it costs nothing."""

import asyncio
import time
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis

from domain.sale import ItemRef, ItemTerms
from infra.redis.keys import ItemKeys

FRESH_SECONDS = 1.0
MAX_REMEMBERED = 10_000
STOCK = "stock"


class ItemSnapshot(NamedTuple):
    terms: ItemTerms
    stock: int


class _Remembered(NamedTuple):
    snapshot: ItemSnapshot | None
    until: float


class ItemSnapshots:
    """Items as they were at most `FRESH_SECONDS` ago; one read at a time per item."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._remembered: dict[tuple[str, str], _Remembered] = {}
        self._reading: dict[tuple[str, str], asyncio.Task[ItemSnapshot | None]] = {}

    async def of(self, item: ItemRef) -> ItemSnapshot | None:
        """None for an item that was never preheated."""
        name = (item.sale_id, item.sku_id)
        remembered = self._remembered.get(name)
        if remembered and remembered.until > time.monotonic():
            return remembered.snapshot
        reading = self._reading.get(name)
        if reading is None:
            reading = asyncio.get_running_loop().create_task(self._read(item))
            self._reading[name] = reading
            reading.add_done_callback(lambda done: self._forget_reading(name, done))
        # Shielded: many wait for this one read, and one of them leaving must not end it.
        return await asyncio.shield(reading)

    def forget(self, item: ItemRef) -> None:
        name = (item.sale_id, item.sku_id)
        self._remembered.pop(name, None)
        self._reading.pop(name, None)

    async def _read(self, item: ItemRef) -> ItemSnapshot | None:
        fields = cast(dict[str, str], await self._redis.hgetall(ItemKeys.of(item).item))
        snapshot = snapshot_from(fields, item) if fields else None
        # Names come from callers: a scan of invented ones must not fill the memory.
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        until = time.monotonic() + FRESH_SECONDS
        if self._reading.get((item.sale_id, item.sku_id)) is asyncio.current_task():
            self._remembered[(item.sale_id, item.sku_id)] = _Remembered(snapshot, until)
        return snapshot

    def _forget_reading(
        self, name: tuple[str, str], done: asyncio.Task[ItemSnapshot | None]
    ) -> None:
        if self._reading.get(name) is done:
            del self._reading[name]
        if not done.cancelled():
            done.exception()


def terms_fields(terms: ItemTerms) -> list[str | int]:
    """Field, value, field, value … as the item's hash keeps them."""
    kept: dict[str, Any] = terms.model_dump(exclude={"sale_id", "sku_id"})
    return [part for field, value in kept.items() for part in (field, int(value))]


def snapshot_from(fields: dict[str, str], item: ItemRef) -> ItemSnapshot:
    numbers = {field: int(value) for field, value in fields.items()}
    stock = numbers.pop(STOCK)
    terms = ItemTerms.model_validate({**numbers, "sale_id": item.sale_id, "sku_id": item.sku_id})
    return ItemSnapshot(terms, stock)
