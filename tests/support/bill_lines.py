"""What two lines of a provider's bill come to, once they are read."""

from datetime import UTC, datetime

from domain.bill import BillLine
from domain.payment import (
    FlowKind,
)


def paid_and_refunded(payment_id: str, trade_no: str) -> tuple[BillLine, BillLine]:
    paid = BillLine(
        kind=FlowKind.RECEIVED,
        payment_id=payment_id,
        trade_no=trade_no,
        refund_id=None,
        amount=8800,
        at=datetime(2026, 11, 20, 2, 0, 5, tzinfo=UTC),
    )
    at = datetime(2026, 11, 20, 3, 0, 5, tzinfo=UTC)
    back = paid.model_copy(update={"kind": FlowKind.REFUNDED, "refund_id": "R-1", "at": at})
    return paid, back
