"""Refunds: money or points on their way back."""

from datetime import datetime
from enum import StrEnum

from domain.model import Value
from domain.payment import PaymentMethod
from domain.states import RefundStatus


class RefundReason(StrEnum):
    """Why money goes back. Only `ORDER` undoes the order; the others return surplus money."""

    ORDER = "order"
    SECOND_PAYMENT = "second_payment"
    LATE_PAYMENT = "late_payment"
    WRONG_AMOUNT = "wrong_amount"


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


class RefundState(StrEnum):
    DONE = "done"
    PROCESSING = "processing"
    FAILED = "failed"
    NOT_FOUND = "not_found"


class RefundOrder(Value):
    """What a provider is asked to give back: the same `refund_id` on every retry."""

    refund_id: str
    payment_id: str
    trade_no: str
    amount: int
    paid_amount: int
    currency: str
    reason: str


class RefundAnswer(Value):
    state: RefundState
    detail: str = ""
