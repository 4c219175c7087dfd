"""The one place of key names. All keys of an item share a slot tag, so scripts may use them."""

from dataclasses import dataclass
from functools import lru_cache

from domain.sale import ItemRef

DIRECTORY = "seckill:items"
# The intent streams that hold an entry, each by its key.
LIVE_STREAMS = "seckill:live"


@dataclass(frozen=True, slots=True)
class ItemKeys:
    """`item`: stock and terms; `buyers`: units and orders per user; `reservations`: one line per
    order; `requests`: idempotency keys; `intents`, `dead`: streams."""

    item: str
    buyers: str
    reservations: str
    requests: str
    intents: str
    dead: str

    @classmethod
    def of(cls, item: ItemRef) -> "ItemKeys":
        return keys_of(item.sale_id, item.sku_id)


@lru_cache(maxsize=4096)
def keys_of(sale_id: str, sku_id: str) -> ItemKeys:
    slot = f"seckill:{{{sale_id}:{sku_id}}}"
    names = ("item", "buyers", "reservations", "requests", "intents", "dead")
    return ItemKeys(*(f"{slot}:{name}" for name in names))


def alive_key(group: str, consumer: str) -> str:
    """There while the consumer lives, and for a moment after that."""
    return f"seckill:alive:{group}:{consumer}"


def directory_line(item: ItemRef) -> str:
    return f"{item.sale_id}:{item.sku_id}"


def item_from_line(line: str) -> ItemRef:
    """Neither part can hold a colon (`domain.ids.NAME_PATTERN`)."""
    sale_id, _, sku_id = line.partition(":")
    return ItemRef(sale_id=sale_id, sku_id=sku_id)
