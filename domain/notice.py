"""Notices: what a provider told us, as received, and our verdict on it."""

from datetime import datetime
from enum import StrEnum

from domain.model import Value
from domain.payment import PaymentMethod, Receipt


class NoticeKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"
    OTHER = "other"


class Verdict(StrEnum):
    """ACCEPTED moves an order; everything else is kept and moves nothing."""

    # Kept all the same: a notice that we misjudge is judged again once we have mended that.
    ACCEPTED = "accepted"
    NOT_PAID = "not_paid"
    MALFORMED = "malformed"
    BAD_SIGNATURE = "bad_signature"
    # Rightly signed and old: anybody who once saw it can send it again.
    STALE = "stale"
    # Rightly signed and not ours: Alipay signs the notices of all merchants with one key.
    FOREIGN_APP = "foreign_app"
    FOREIGN_SELLER = "foreign_seller"
    UNKNOWN_PAYMENT = "unknown_payment"
    WRONG_AMOUNT = "wrong_amount"


class RefundReport(Value):
    """A provider's word on a refund it was asked for."""

    refund_id: str
    payment_id: str
    amount: int
    succeeded: bool


class VerifiedNotice(Value):
    """What a gateway made of a notice's bytes. Without a verdict of trouble it is authentic and
    ours; whether the payment exists and the amount is right is decided where payments are known.
    """

    provider_notice_id: str
    kind: NoticeKind
    verdict: Verdict
    payment_id: str | None = None
    receipt: Receipt | None = None
    refund: RefundReport | None = None


class Notice(Value):
    """A row of the inbox."""

    notice_id: str
    method: PaymentMethod
    provider_notice_id: str
    kind: NoticeKind
    verdict: Verdict
    payment_id: str | None
    order_id: str | None
    receipt: Receipt | None
    received_at: datetime
    # Set by the transaction that acted on it, and so never while the act itself may be lost.
    handled_at: datetime | None
    handled_as: str | None
    refund: RefundReport | None = None
