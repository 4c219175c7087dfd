"""A line of a provider's statement."""

from datetime import datetime
from enum import StrEnum

from domain.model import Value


class BillKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"


class BillLine(Value):
    """Money that moved at the provider. `amount` in minor units, positive for both kinds."""

    kind: BillKind
    payment_id: str
    trade_no: str
    refund_id: str | None
    amount: int
    at: datetime
