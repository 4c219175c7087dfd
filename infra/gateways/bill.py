"""A provider's statement, line by line."""

from datetime import date, datetime, time, timedelta
from enum import StrEnum

from domain.gateway_errors import TryLater
from domain.model import Value
from infra.gateways.wire import SHANGHAI


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

    @property
    def reference(self) -> str:
        """What our ledger books the line under. A refund made by hand at the provider may carry
        no number of ours."""
        return self.trade_no if self.kind is BillKind.PAYMENT else self.refund_id or self.trade_no


def day_of(moment: datetime) -> date:
    """The day whose bill lists what moves at this moment."""
    return moment.astimezone(SHANGHAI).date()


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


def is_over(day: date, now: datetime) -> bool:
    return now >= start_of(day + timedelta(days=1))
