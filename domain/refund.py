"""Refunds: money or points on their way back."""

from datetime import datetime
from enum import StrEnum

from domain.model import Value
from domain.payment import PaymentMethod, Receipt
from domain.states import RefundStatus


class RefundReason(StrEnum):
    """Why money goes back. `ORDER` undoes the whole order, `PARTIAL` leaves it as it is; the
    others return money that the order cannot take."""

    ORDER = "order"
    PARTIAL = "partial"
    SECOND_PAYMENT = "second_payment"
    LATE_PAYMENT = "late_payment"
    WRONG_AMOUNT = "wrong_amount"


# Money that its order cannot take: it goes back without anybody asking.
SURPLUS = frozenset(
    {RefundReason.SECOND_PAYMENT, RefundReason.LATE_PAYMENT, RefundReason.WRONG_AMOUNT}
)


def trade_workflow_id(method: PaymentMethod, trade_no: str) -> str:
    """The workflow that gives a trade's money back, or honours it after all."""
    # One per trade and not per order: two payments of one order go back side by side.
    return f"refund-{method}-{trade_no}"


def refund_workflow_id(method: PaymentMethod, refund_id: str) -> str:
    """`refund-<provider>-<trade_no>`, with the part's number behind it for a partial refund."""
    # The first two letters of a refund's number, R and its method, are said by the name already.
    return f"refund-{method}-{refund_id[2:]}"


class RefundRequest(Value):
    """Input of RefundWorkflow: `amount` of the money that came with `receipt` is to go back.

    `part` counts the partial refunds of one payment from 1 and is 0 for all others. `request_key`
    is the name a caller gave to the request.
    """

    order_id: str
    receipt: Receipt
    amount: int
    currency: str
    reason: RefundReason
    note: str
    actor: str
    part: int = 0
    request_key: str | None = None
    # The money went back already, without us: in the provider's console, or by a dispute.
    by_hand: bool = False
    # That this late money buys nothing after all was decided by an earlier run.
    not_honoured: bool = False

    @property
    def refund_id(self) -> str:
        # Made of what is undone, never drawn: providers give money back once per number, so a
        # request that comes twice, or again after a crash, must come under the same one.
        part = f"-{self.part}" if self.part else ""
        return f"R{self.receipt.method[0].upper()}{self.receipt.trade_no}{part}"

    @property
    def workflow_id(self) -> str:
        return refund_workflow_id(self.receipt.method, self.refund_id)


class Refund(Value):
    refund_id: str
    order_id: str
    payment_id: str
    method: PaymentMethod
    trade_no: str
    amount: int
    currency: str
    reason: RefundReason
    note: str
    status: RefundStatus
    requested_by: str
    requested_at: datetime
    done_at: datetime | None = None
    request_key: str | None = None
    # None where an earlier release asked for it, and did not say.
    by_hand: bool | None = None

    @property
    def workflow_id(self) -> str:
        return refund_workflow_id(self.method, self.refund_id)

    @property
    def is_over(self) -> bool:
        return self.status is RefundStatus.DONE


def asked_again(refund: Refund, received: int, paid_at: datetime) -> RefundRequest:
    """What its workflow was started with, for one that has lost it: under the same number, and
    nothing is decided anew. `received`: what came with its trade, in minor units. Raises
    ValueError for one of which nobody knows whether it goes back by hand."""
    if refund.by_hand is None:
        raise ValueError(f"nobody knows whether {refund.refund_id} goes back by hand")
    whole = f"R{refund.method[0].upper()}{refund.trade_no}"
    part = refund.refund_id.removeprefix(whole).removeprefix("-")
    return RefundRequest(
        order_id=refund.order_id,
        receipt=Receipt(
            method=refund.method,
            payment_id=refund.payment_id,
            trade_no=refund.trade_no,
            amount=received,
            paid_at=paid_at,
        ),
        amount=refund.amount,
        currency=refund.currency,
        reason=refund.reason,
        note=refund.note,
        actor=refund.requested_by,
        part=int(part or 0),
        request_key=refund.request_key,
        by_hand=refund.by_hand,
        not_honoured=True,
    )


class RefundState(StrEnum):
    """What a provider says of a refund. PROCESSING is its promise, and not yet the money."""

    DONE = "done"
    PROCESSING = "processing"
    FAILED = "failed"
    NOT_FOUND = "not_found"


class RefundInstruction(Value):
    """What a provider is asked to give back: the same `refund_id` on every retry."""

    refund_id: str
    payment_id: str
    trade_no: str
    amount: int
    # WeChat Pay wants to hear again what the whole trade was worth.
    paid_amount: int
    currency: str
    reason: str


class RefundAnswer(Value):
    state: RefundState
    detail: str = ""
