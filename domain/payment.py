"""Payments: attempts to pay an order, and what providers say of them."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from domain.ids import ORDER_ID_LENGTH, is_order_id
from domain.model import Value
from domain.states import PaymentStatus


class PaymentMethod(StrEnum):
    ALIPAY = "alipay"
    WECHATPAY = "wechatpay"
    POINTS = "points"


class FlowKind(StrEnum):
    """Which way money went, as our ledger and the providers' bills both say it."""

    RECEIVED = "received"
    REFUNDED = "refunded"


class PaymentScene(StrEnum):
    """How the buyer reaches the provider: by a page in the browser, or by scanning a QR code."""

    PAGE = "page"
    QR = "qr"


# For so long a QR code can be scanned, whatever last moment to pay it was asked for with: WeChat
# Pay's `code_url` and Alipay's `qr_code` alike.
CODE_LIFETIME = timedelta(hours=2)

# When no notice came, a provider is asked so long after the payment was begun.
ASK_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))

# ISO 4217 has no code for points; providers never see this one.
POINTS_CURRENCY = "PTS"

# WeChat Pay takes 32 characters at most: 26 of the order, one letter, and the attempt.
_METHOD_LETTERS = {
    PaymentMethod.ALIPAY: "A",
    PaymentMethod.WECHATPAY: "W",
    PaymentMethod.POINTS: "P",
}


def payment_id_for(order_id: str, method: PaymentMethod, attempt: int = 1) -> str:
    """The payment's number, ours and the provider's (`out_trade_no`), at most 32 characters."""
    return f"{order_id}{_METHOD_LETTERS[method]}{attempt}"


def order_id_of_payment(payment_id: str) -> str | None:
    """The order a payment number belongs to, or None if it is no number of ours."""
    order_id = payment_id[:ORDER_ID_LENGTH]
    return order_id if len(payment_id) > ORDER_ID_LENGTH and is_order_id(order_id) else None


def is_signed_link(method: PaymentMethod, scene: PaymentScene) -> bool:
    """Whether the provider hears of the payment only when the buyer follows a link we signed."""
    # A QR code has to be asked for, and WeChat Pay wants to be asked whatever the scene.
    return method is PaymentMethod.ALIPAY and scene is PaymentScene.PAGE


def is_begun_here(method: PaymentMethod, scene: PaymentScene) -> bool:
    """Whether it is offered without asking a provider: by such a link, or from our own points."""
    return method is PaymentMethod.POINTS or is_signed_link(method, scene)


def offer_ends(
    method: PaymentMethod, scene: PaymentScene, begun_at: datetime, deadline: datetime
) -> datetime:
    """Until when a buyer can pay by what he is shown."""
    # A link is good for as long as we signed it for. A code dies by itself, at both providers.
    if is_begun_here(method, scene):
        return deadline
    return min(deadline, begun_at + CODE_LIFETIME)


class RedirectAction(Value):
    type: Literal["redirect"] = "redirect"
    url: str


class QrAction(Value):
    type: Literal["qr"] = "qr"
    code_url: str


class Charge(Value):
    """What a provider is asked to collect. `amount` in minor units."""

    payment_id: str
    amount: int
    currency: str
    subject: str
    expires_at: datetime
    scene: PaymentScene


class Payment(Value):
    payment_id: str
    order_id: str
    method: PaymentMethod
    scene: PaymentScene = PaymentScene.PAGE
    status: PaymentStatus
    amount: int
    currency: str
    trade_no: str | None = None
    action: RedirectAction | QrAction | None = None
    expires_at: datetime
    created_at: datetime
    paid_at: datetime | None = None
    # When a round asks its provider next. None where none will: its workflow watches it, or it has
    # been asked often enough.
    ask_at: datetime | None = None

    @property
    def receipt(self) -> "Receipt | None":
        """The money that paid it; None while none has."""
        if self.status is not PaymentStatus.PAID or self.trade_no is None or self.paid_at is None:
            return None
        return Receipt(
            method=self.method,
            payment_id=self.payment_id,
            trade_no=self.trade_no,
            amount=self.amount,
            paid_at=self.paid_at,
        )

    def charge_for(self, subject: str) -> Charge:
        """What its provider is asked to collect; `subject` is what the buyer reads there."""
        return Charge(
            payment_id=self.payment_id,
            amount=self.amount,
            currency=self.currency,
            subject=subject,
            expires_at=self.expires_at,
            scene=self.scene,
        )


class Receipt(Value):
    """Money that has arrived at a provider for one of our payments."""

    method: PaymentMethod
    payment_id: str
    trade_no: str
    amount: int
    paid_at: datetime
    # None where we asked the provider ourselves: then there is no notice to mark as handled.
    notice_id: str | None = None


class TradeState(StrEnum):
    NOT_FOUND = "not_found"
    WAITING = "waiting"
    PAID = "paid"
    CLOSED = "closed"


class Trade(Value):
    """What a provider answers about one payment. `receipt`: it is paid, and nothing of it has
    gone back, as far as the answer tells. `returned`: it was paid, and money of it has gone back,
    all or a part: that pays no order any more."""

    state: TradeState
    # Apart from the state, because a trade that was paid and given back is CLOSED at Alipay.
    receipt: Receipt | None = None
    returned: Receipt | None = None


class ClosedTrade(Value):
    """Answer to a close: paid after all (`receipt`), or never to be paid any more; then
    `returned` is what it had been paid with, and what has gone back since, all or a part."""

    # The buyer may pay between our last look and the close: then the close must not lose it.
    receipt: Receipt | None = None
    returned: Receipt | None = None
