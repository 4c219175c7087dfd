"""Reservations: stock held in Redis for one order, and what the gate answers."""

from enum import StrEnum
from typing import NamedTuple

from domain.model import Value
from domain.sale import ItemRef


class ReservationState(StrEnum):
    HELD = "held"
    SOLD = "sold"
    RELEASED = "released"


class StockReturn(StrEnum):
    """Which units an order gives up, and whether others may have them."""

    # Held ones.
    RELEASE = "release"
    # Held ones that Redis promised and Postgres never had: others must not be sold them.
    DROP = "drop"
    # Sold ones as well: the order is refunded.
    RESTOCK = "restock"
    # Those reclaimed for late money; a reclaim that is still on its way must fail as well.
    UNDO_RECLAIM = "undo_reclaim"


class GateVerdict(StrEnum):
    """The gate's answers. `RESERVED` is the only one that holds stock for the caller."""

    RESERVED = "reserved"
    RELEASED = "released"
    NOT_FOUND = "not_found"
    NOT_STARTED = "not_started"
    ENDED = "ended"
    PAUSED = "paused"
    LIMIT_REACHED = "limit_reached"
    SOLD_OUT = "sold_out"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    NOT_YOUR_TURN = "not_your_turn"
    # Not a secret, whatever the linter takes it for.
    ENTRY_TOKEN_INVALID = "entry_token_invalid"  # noqa: S105
    OVERLOADED = "overloaded"


# These two are made for each click: as a `Value` they would cost more than the gate's own work.
class ReserveRequest(NamedTuple):
    """One order at the gate.

    `announce` appends the intent: the API asks for it; a workflow reserving for itself does not.
    `late` skips the sale's window and pause: an accepted order may reserve after the sale closed.
    `known_only` answers as usual, also to a repeat, and OVERLOADED instead of holding stock.
    `pass_units`: the order id is that of a pass for so many units; 0 without a pass.
    """

    item: ItemRef
    order_id: str
    user_id: str
    quantity: int
    idempotency_key: str = ""
    announce: bool = False
    late: bool = False
    known_only: bool = False
    pass_units: int = 0


class GateAnswer(NamedTuple):
    """`order_id`: the order that holds the stock (an earlier one if the request is a repeat),
    or on LIMIT_REACHED the one that used the limit up. `at_ms`: the sale's start or end.
    `waiting`: on SOLD_OUT, who waits in the item's room; None where there is none."""

    verdict: GateVerdict
    order_id: str = ""
    at_ms: int = 0
    waiting: int | None = None


class Reservation(Value):
    order_id: str
    user_id: str
    quantity: int
    # A released one is kept: a reserve that is still on its way must not hold the stock again.
    state: ReservationState
    reserved_at_ms: int


class Intent(Value):
    """An accepted request on its way to become a workflow: the input of OrderWorkflow."""

    order_id: str
    sale_id: str
    sku_id: str
    user_id: str
    quantity: int
    # By Redis's clock; 0 where no gate has accepted it and the workflow reserves for itself.
    accepted_at_ms: int = 0

    @property
    def item(self) -> ItemRef:
        return ItemRef(sale_id=self.sale_id, sku_id=self.sku_id)
