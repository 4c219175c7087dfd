"""Stock: every unit of an item is available, held or sold, and each move between them is a row."""

from enum import StrEnum


class MovementKind(StrEnum):
    """Why units moved: OPENING and ADDED bring units to an item; an order holds some, and then
    releases or sells them. Money that comes late RECLAIMs what was released, a refund RESTOCKs
    what was sold. Each at most once per order."""

    # The stored words are older than ours: "restock" is a person adding units.
    OPENING = "opening"
    ADDED = "restock"
    HOLD = "hold"
    RELEASE = "release"
    SELL = "sell"
    RECLAIM = "sell_again"
    RESTOCK = "take_back"


SUPPLY = (MovementKind.OPENING, MovementKind.ADDED)
MOVES_OF_AN_ORDER = (
    MovementKind.HOLD,
    MovementKind.RELEASE,
    MovementKind.SELL,
    MovementKind.RECLAIM,
    MovementKind.RESTOCK,
)
