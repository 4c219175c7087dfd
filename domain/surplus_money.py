"""Money that an order cannot take, and why."""

from domain.actors import SYSTEM
from domain.order import Order
from domain.payment import Payment, Receipt
from domain.refund import RefundReason, RefundRequest
from domain.states import OWNING_STOCK, OrderStatus, PaymentStatus

_SETTLED = frozenset({PaymentStatus.PAID, PaymentStatus.REFUNDED})


def is_settled(payment: Payment, receipt: Receipt) -> bool:
    """Whether this very money was dealt with before: hearing of it again is no news."""
    return payment.status in _SETTLED and payment.trade_no == receipt.trade_no


def why_surplus(order: Order, payment: Payment, receipt: Receipt) -> RefundReason | None:
    """None when the order can take the money, or has taken it."""
    # Before all else: an order is never paid by another amount, nor by another order's payment.
    if receipt.amount != payment.amount or payment.order_id != order.order_id:
        return RefundReason.WRONG_AMOUNT
    if order.status is OrderStatus.PENDING_PAYMENT:
        return None
    # The same money, told again: providers repeat a notice for a day, and so does every retry.
    if payment.status is PaymentStatus.PAID and payment.trade_no == receipt.trade_no:
        return None
    # An order in OWNING_STOCK was paid by other money: buyers do pay one order in two apps.
    return (
        RefundReason.SECOND_PAYMENT if order.status in OWNING_STOCK else RefundReason.LATE_PAYMENT
    )


def surplus_refund(
    order_id: str, receipt: Receipt, reason: RefundReason, currency: str
) -> RefundRequest:
    """All of the money that came with the receipt is to go back."""
    return RefundRequest(
        order_id=order_id,
        receipt=receipt,
        amount=receipt.amount,
        currency=currency,
        reason=reason,
        note="the order cannot take this money",
        actor=SYSTEM,
    )
