"""Points: a buyer's own account, and what a debit or credit of it answers."""

from datetime import datetime
from enum import StrEnum

from domain.model import Value


class PointsKind(StrEnum):
    """DEBIT pays an order and CREDIT gives that back; AWARD thanks for a paid order and
    AWARD_BACK undoes it; GRANT is an operator's gift. Each but the last once per order."""

    DEBIT = "debit"
    CREDIT = "credit"
    AWARD = "award"
    AWARD_BACK = "award_back"
    GRANT = "grant"


class PointsEntry(Value):
    """A line of the ledger. `amount` is signed: what the account gained or lost by it."""

    user_id: str
    order_id: str | None
    kind: PointsKind
    amount: int
    balance_after: int
    note: str
    at: datetime


class PointsDebited(Value):
    amount: int
    balance: int


class InsufficientPoints(Value):
    """Nothing was taken."""

    balance: int
    needed: int


class PointsCredited(Value):
    amount: int
    balance: int


class CreditExceedsDebit(Value):
    """Nothing was given back: the order was paid with `debited` points, fewer than asked for."""

    debited: int
    asked: int
