"""What a process remembers of an item for a moment, so that reading it costs nothing."""

from typing import Any, NamedTuple, cast

from pydantic_core import PydanticUndefined
from redis.asyncio import Redis

from domain.sale import ItemRef, ItemTerms
from infra.redis.keys import ItemKeys
from infra.single_flight import SingleFlight

MAX_REMEMBERED = 10_000
STOCK = "stock"
CLAIM = "requires_claim"


class ItemSnapshot(NamedTuple):
    terms: ItemTerms
    stock: int


class ItemSnapshots:
    """Items as they were at most a second ago."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        # Absence too: who asks for items that are none must not reach Redis with each request.
        self._items: SingleFlight[tuple[str, str], ItemSnapshot | None] = SingleFlight(
            MAX_REMEMBERED, remembers_absence=True
        )

    async def of(self, item: ItemRef) -> ItemSnapshot | None:
        """None for an item that was never preheated."""
        return await self._items.get((item.sale_id, item.sku_id), lambda: self._read(item))

    def forget(self, item: ItemRef) -> None:
        self._items.forget((item.sale_id, item.sku_id))

    async def _read(self, item: ItemRef) -> ItemSnapshot | None:
        fields = cast(dict[str, str], await self._redis.hgetall(ItemKeys.of(item).item))
        return snapshot_from(fields, item) if fields else None


def terms_fields(terms: ItemTerms) -> list[str | int]:
    """Field, value, field, value … as the item's hash keeps them."""
    kept: dict[str, Any] = terms.model_dump(exclude={"sale_id", "sku_id", CLAIM})
    numbers: list[str | int] = [
        part for field, value in kept.items() for part in (field, int(value))
    ]
    # The release before this one reads each field as a number, and knows no sale that has a claim.
    return [*numbers, CLAIM, terms.requires_claim] if terms.requires_claim else numbers


def term_unless_written(field: str) -> str:
    """What a term is that the hash does not hold, for an earlier release wrote it; empty for one
    that each release writes."""
    default = ItemTerms.model_fields[field].default
    return "" if default in (PydanticUndefined, "") else str(int(default))


def snapshot_from(fields: dict[str, str], item: ItemRef) -> ItemSnapshot:
    terms = ItemTerms.model_validate({**fields, "sale_id": item.sale_id, "sku_id": item.sku_id})
    return ItemSnapshot(terms, int(fields[STOCK]))
