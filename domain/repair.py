"""A repair: what of a store was put right by itself, as it is kept for whoever asks later."""

from datetime import datetime
from enum import StrEnum

from domain.model import Value


class RepairKind(StrEnum):
    """RESERVATION: one order's line in Redis. TERMS: an item's, its place in the directory, or its
    room. ITEM: all Redis knows of an item, written anew. WORKFLOW: an order's, or a refund's,
    started again."""

    RESERVATION = "reservation"
    TERMS = "terms"
    ITEM = "item"
    WORKFLOW = "workflow"


class Repair(Value):
    """`found` and `should`: what was there, and what was put in its place. `outcome` is None for
    one that was begun and not heard of again: whoever did it was killed, and the next round looks
    for itself."""

    repair_id: int
    at: datetime
    kind: RepairKind
    sale_id: str
    sku_id: str
    order_id: str | None
    found: str
    should: str
    actor: str
    outcome: str | None


class NewRepair(Value):
    kind: RepairKind
    sale_id: str
    sku_id: str
    order_id: str | None = None
    found: str
    should: str
