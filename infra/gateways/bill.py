"""A provider's statement, line by line."""

from datetime import datetime
from enum import StrEnum

from domain.gateway_errors import TryLater
from domain.model import Value


class BillKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"


class StatementNotReady(TryLater):
    """The provider answers well, but has no statement of that day yet."""


class BillLine(Value):
    """Money that moved at the provider. `amount` in minor units, positive for both kinds."""

    kind: BillKind
    payment_id: str
    trade_no: str
    refund_id: str | None
    amount: int
    at: datetime
