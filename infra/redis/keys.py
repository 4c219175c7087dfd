"""The one place of key names. All keys of an item share a slot tag, so scripts may use them."""

import re
from dataclasses import dataclass
from functools import lru_cache

from domain.sale import ItemRef

DIRECTORY = "seckill:items"
# The intent streams that hold an entry, each by its key, and what rings when one gets another. A
# dispatcher reads these alone, so that items of old sales cost it nothing.
LIVE_STREAMS = "seckill:live"
BELL = "seckill:bell"
# Items whose room is live, as lines of the directory: these have a control's turn, and a stream of
# joins.
LIVE_ROOMS = "seckill:rooms"
# Orders whose workflow was started, ever, and how many a second when last there was no trouble.
STARTED = "seckill:started"
HEALTHY_RATE = "seckill:healthy-rate"
# Told of each item whose stock, terms or buyers changed in another way than by an order: its key.
STOCK_CHANGED = "seckill:stock-changed"
_STREAM = re.compile(r"seckill:\{(?P<sale>[^:]+):(?P<sku>[^}]+)\}:intents")


@dataclass(frozen=True, slots=True)
class ItemKeys:
    """`item`: stock and terms; `buyers`: units and orders per user; `reservations`: one line per
    order; `requests`: idempotency keys; `intents`, `dead`: streams; `past`: released orders per
    user."""

    item: str
    buyers: str
    reservations: str
    requests: str
    intents: str
    dead: str
    past: str

    @classmethod
    def of(cls, item: ItemRef) -> "ItemKeys":
        return keys_of(item.sale_id, item.sku_id)


@lru_cache(maxsize=4096)
def keys_of(sale_id: str, sku_id: str) -> ItemKeys:
    slot = f"seckill:{{{sale_id}:{sku_id}}}"
    names = ("item", "buyers", "reservations", "requests", "intents", "dead", "past")
    return ItemKeys(*(f"{slot}:{name}" for name in names))


@dataclass(frozen=True, slots=True)
class RoomKeys:
    """`room`: where it is; `tickets`: one line per user; `numbers`: who has which; `passes`: by
    their end; `calls`: not fetched yet; `places`: of a draw; `joins`: a stream of what became of
    tickets."""

    room: str
    tickets: str
    numbers: str
    passes: str
    calls: str
    places: str
    joins: str

    @classmethod
    def of(cls, item: ItemRef) -> "RoomKeys":
        return room_keys_of(item.sale_id, item.sku_id)


@lru_cache(maxsize=4096)
def room_keys_of(sale_id: str, sku_id: str) -> RoomKeys:
    slot = f"seckill:{{{sale_id}:{sku_id}}}"
    names = ("room", "tickets", "numbers", "passes", "calls", "places", "joins")
    return RoomKeys(*(f"{slot}:{name}" for name in names))


def alive_key(group: str, consumer: str) -> str:
    """There while the consumer lives, and for a moment after that."""
    return f"seckill:alive:{group}:{consumer}"


def directory_line(item: ItemRef) -> str:
    return f"{item.sale_id}:{item.sku_id}"


def item_from_line(line: str) -> ItemRef:
    """Neither part can hold a colon (`domain.ids.NAME_PATTERN`)."""
    sale_id, _, sku_id = line.partition(":")
    return ItemRef(sale_id=sale_id, sku_id=sku_id)


def item_of_stream(key: str) -> ItemRef | None:
    """Whose intents lie there; None for a key that is no item's."""
    found = _STREAM.fullmatch(key)
    return ItemRef(sale_id=found["sale"], sku_id=found["sku"]) if found else None
