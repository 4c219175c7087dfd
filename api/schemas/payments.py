"""Payments, as buyers begin them and see them."""

from collections.abc import Sequence

from pydantic import AwareDatetime, Field

from api.schemas.model import Body, View, such_as
from domain.payment import Payment, PaymentMethod, PaymentScene, QrAction, RedirectAction
from domain.states import PaymentStatus

# A payment that once was paid tells more than one begun later and never used.
_WAS_PAID = frozenset({PaymentStatus.PAID, PaymentStatus.REFUNDED, PaymentStatus.MISMATCHED})


class PaymentSummary(View):
    payment_id: str
    method: PaymentMethod
    status: PaymentStatus
    out_trade_no: str
    trade_no: str | None
    amount: int
    paid_at: AwareDatetime | None


class PaymentBody(Body):
    model_config = such_as(method="wechatpay", scene="qr")

    method: PaymentMethod
    scene: PaymentScene | None = Field(
        default=None, description="page: a cashier in the browser; qr: a code to scan"
    )


class PaymentView(View):
    payment_id: str
    method: PaymentMethod
    status: PaymentStatus
    out_trade_no: str
    expires_at: AwareDatetime
    action: RedirectAction | QrAction | None


def payment_view(payment: Payment) -> PaymentView:
    return PaymentView(
        payment_id=payment.payment_id,
        method=payment.method,
        status=payment.status,
        out_trade_no=payment.payment_id,
        expires_at=payment.expires_at,
        action=payment.action,
    )


def payment_summary(payment: Payment) -> PaymentSummary:
    return PaymentSummary(
        payment_id=payment.payment_id,
        method=payment.method,
        status=payment.status,
        out_trade_no=payment.payment_id,
        trade_no=payment.trade_no,
        amount=payment.amount,
        paid_at=payment.paid_at,
    )


def shown_payment(payments: Sequence[Payment]) -> PaymentSummary | None:
    """The one payment an order's view shows. None before any was begun."""
    if not payments:
        return None
    shown = max(payments, key=lambda p: (p.status in _WAS_PAID, p.created_at))
    return payment_summary(shown)
