"""What may be given back of an order when somebody asks for it."""

from datetime import datetime

from domain.errors import ErrorCode, InvalidField, Refusal
from domain.model import Value
from domain.order import OrderDossier
from domain.payment import Payment, PaymentMethod, Receipt
from domain.refund import Refund, RefundReason, RefundRequest
from domain.states import OrderStatus, PaymentStatus

REFUNDABLE = frozenset({OrderStatus.PAID, OrderStatus.FULFILLED})


class RefundWish(Value):
    """`amount` None means all there is, and undoes the order. `by_hand`: it has gone back
    already, and is only to be written down."""

    actor: str
    note: str
    amount: int | None = None
    request_key: str | None = None
    by_hand: bool = False


def plan_refund(dossier: OrderDossier, wish: RefundWish) -> Refund | RefundRequest:
    """The refund that stands already for this wish, or the one to be asked for.

    Raises Refusal: INVALID_STATE, INVALID or IDEMPOTENCY_MISMATCH.
    """
    if standing := _asked_for_before(dossier, wish):
        return standing
    paid = (payment for payment in dossier.payments if payment.status is PaymentStatus.PAID)
    payment = next(paid, None)
    if dossier.order.status not in REFUNDABLE or payment is None or payment.trade_no is None:
        raise _wrong_state(dossier, f"the order is {dossier.order.status}")
    mine = [refund for refund in dossier.refunds if refund.payment_id == payment.payment_id]
    for refund in mine:
        # One at a time: what a refund under way leaves of the money is known when it is done.
        if not refund.is_over:
            return _repeated(dossier, refund, wish)
    left = payment.amount - sum(refund.amount for refund in mine)
    return _request(dossier, payment, wish, left=left, part=len(mine) + 1)


def _asked_for_before(dossier: OrderDossier, wish: RefundWish) -> Refund | None:
    """The refund of the same name, as its caller gave it; or the one that undoes the order, which
    is undone once, however often that is asked for."""
    for refund in dossier.refunds:
        if wish.request_key and refund.request_key == wish.request_key:
            if _is_for(refund, wish):
                return refund
            raise Refusal(ErrorCode.IDEMPOTENCY_MISMATCH, f"it asked for {refund.amount} before")
    wholes = (refund for refund in dossier.refunds if refund.reason is RefundReason.ORDER)
    return next((refund for refund in wholes if _is_for(refund, wish)), None)


def _repeated(dossier: OrderDossier, refund: Refund, wish: RefundWish) -> Refund:
    """Without a name, the same wish while the last refund is unfinished counts as a repeat."""
    named_otherwise = wish.request_key and wish.request_key != refund.request_key
    if _is_for(refund, wish) and not named_otherwise:
        return refund
    raise _wrong_state(dossier, f"refund {refund.refund_id} has to finish first")


def _is_for(refund: Refund, wish: RefundWish) -> bool:
    if wish.amount is None:
        return refund.reason is RefundReason.ORDER
    return refund.amount == wish.amount


def _request(
    dossier: OrderDossier, payment: Payment, wish: RefundWish, *, left: int, part: int
) -> RefundRequest:
    amount = left if wish.amount is None else wish.amount
    if not 0 < amount <= left:
        raise InvalidField("amount", f"{left} is left of this payment")
    partial = amount < left
    if partial and payment.method is PaymentMethod.POINTS:
        # An account takes one credit per order: a second part would find it taken.
        raise InvalidField("amount", "points go back as a whole")
    if wish.by_hand and payment.method is PaymentMethod.POINTS:
        raise InvalidField("by_hand", "points go back here or not at all")
    return RefundRequest(
        order_id=dossier.order.order_id,
        receipt=_receipt(payment, dossier.order.created_at),
        amount=amount,
        currency=payment.currency,
        reason=RefundReason.PARTIAL if partial else RefundReason.ORDER,
        note=wish.note,
        actor=wish.actor,
        # What undoes the order is numbered by its trade alone, so that it is asked for once.
        part=part if partial else 0,
        request_key=wish.request_key,
        by_hand=wish.by_hand,
    )


def _receipt(payment: Payment, begun_at: datetime) -> Receipt:
    return Receipt(
        method=payment.method,
        payment_id=payment.payment_id,
        trade_no=payment.trade_no or "",
        amount=payment.amount,
        paid_at=payment.paid_at or begun_at,
    )


def _wrong_state(dossier: OrderDossier, why: str) -> Refusal:
    return Refusal(ErrorCode.INVALID_STATE, why, order_status=dossier.order.status)
