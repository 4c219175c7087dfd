"""Points: a buyer's own account, and what a debit or credit of it answers."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from domain.model import Value
from domain.money import MINOR_PER_MAJOR
from domain.payment import PaymentMethod, payment_id_for

# Points that were spent earn none, or an account would feed itself.
EARNING_METHODS = frozenset(PaymentMethod) - {PaymentMethod.POINTS}


def award_for(money: Iterable[int]) -> int:
    """The points an order earns for the amounts that paid it by `EARNING_METHODS`, in minor
    units: one for each whole yuan."""
    return sum(amount // MINOR_PER_MAJOR for amount in money)


class PointsKind(StrEnum):
    """DEBIT pays an order and CREDIT gives that back; AWARD thanks for a paid order and
    AWARD_BACK undoes it; GRANT is an operator's gift. The first three once per order."""

    DEBIT = "debit"
    CREDIT = "credit"
    AWARD = "award"
    # In parts: points that are spent by then are owed, and come back with the next that come in.
    AWARD_BACK = "award_back"
    GRANT = "grant"


GIVES = (PointsKind.CREDIT, PointsKind.AWARD, PointsKind.GRANT)
TAKES = (PointsKind.DEBIT, PointsKind.AWARD_BACK)


class PointsEntry(Value):
    """A line of the ledger. `amount` is signed: what the account gained or lost by it.
    `payment_id`: the payment that a debit belongs to."""

    user_id: str
    order_id: str | None
    kind: PointsKind
    amount: int
    balance_after: int
    note: str
    at: datetime
    payment_id: str | None = None


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


def paid_by(debit: PointsEntry, order_id: str) -> str:
    """The payment that took an order's points."""
    # An order has one debit, so it must name its payment: told by two, it would look like two
    # payments. One that was written before debits named theirs is the first payment's.
    return debit.payment_id or payment_id_for(order_id, PaymentMethod.POINTS)
