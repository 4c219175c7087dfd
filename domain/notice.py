"""Notices: what a provider told us, as received, and our verdict on it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

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


# Anybody may send such ones, and nobody acts on them: few are kept, and not for long.
REFUSED: Final = (
    Verdict.MALFORMED,
    Verdict.BAD_SIGNATURE,
    Verdict.STALE,
    Verdict.FOREIGN_APP,
    Verdict.FOREIGN_SELLER,
)

# How a notice was handled: a person was called for it, or there was nothing to do.
LEFT_TO_A_PERSON: Final = "unmatched"
NO_NEWS: Final = "no_news"

# Before a notice is tried again that could not be told; the last one for ever.
PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 20, 40, 80, 160, 300))
# A run takes 10,000 signals and never another one; whoever tells of money must not use them up.
SIGNALS_AT_MOST: Final = 1000
# Before a workflow is told again that was told and has not acted on it: it can take only so many
# signals in its life, and keeps each of them.
PAUSES_ONCE_TOLD: Final = tuple(timedelta(minutes=m) for m in (1, 5, 25, 125, 625, 24 * 60))


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
    # How often it was tried to tell it, or, once a workflow was told of it, how often it was told.
    tries: int = 0
    told_at: datetime | None = None
    # How many signals it has been to a workflow, however often it was begun anew with it.
    signals: int = 0


def pause_after(failures: int) -> timedelta:
    """Until a notice is tried again that could not be told so many times, at least once."""
    return PAUSES[min(failures, len(PAUSES)) - 1]


def pause_once_told(times: int) -> timedelta:
    """Until a workflow that was told so many times, at least once, is told again."""
    return PAUSES_ONCE_TOLD[min(times, len(PAUSES_ONCE_TOLD)) - 1]
