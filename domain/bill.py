"""Bills: what a provider says moved on one day, and what came of comparing it with our ledger."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.model import Value
from domain.payment import FlowKind, PaymentMethod, order_id_of_payment
from domain.states import RefundStatus

# Both providers cut their days at midnight in Shanghai, whatever clock this machine has.
SHANGHAI = ZoneInfo("Asia/Shanghai")
# Both promise a day's bill for 10:00 of the day after; before that, "no bill" says nothing.
READY_AT = time(10)
SAMPLE_SIZE = 50
EXAMPLES = 5


def day_of(moment: datetime) -> date:
    """The day whose bill lists what moves at this moment."""
    return moment.astimezone(SHANGHAI).date()


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


def is_over(day: date, now: datetime) -> bool:
    return now >= start_of(day + timedelta(days=1))


def ready_at(day: date) -> datetime:
    """From when on a provider that has no bill of the day means that nothing moved on it."""
    return datetime.combine(day + timedelta(days=1), READY_AT, SHANGHAI)


class BilledRefund(StrEnum):
    """What a bill says of a refund: WeChat Pay lists it on the day it was asked for, with the state
    of then, and never again."""

    DONE = "done"
    ASKED = "asked"
    FAILED = "failed"


class BillLine(Value):
    """Money that moved at the provider, or that was asked back there (`refund_state`). `amount` in
    minor units, positive whichever way it went."""

    kind: FlowKind
    payment_id: str
    trade_no: str
    refund_id: str | None
    amount: int
    at: datetime
    refund_state: BilledRefund = BilledRefund.DONE

    @property
    def reference(self) -> str:
        """What our ledger books the line under."""
        if self.kind is FlowKind.RECEIVED:
            return self.trade_no
        # A refund that somebody made by hand at the provider may carry no number of ours.
        return self.refund_id or self.trade_no


class UnreadRow(Value):
    """A row that nobody could read. `reference`: which, and why. `payment_id`: its number of ours,
    if that much is plain."""

    reference: str
    payment_id: str | None = None


class Bill(Value):
    """One day at one provider. `others`: how many rows are of other applications of the same
    merchant, or of trades that this system does not make."""

    lines: tuple[BillLine, ...] = ()
    unread: tuple[UnreadRow, ...] = ()
    others: int = 0


class BillFault(StrEnum):
    """What is wrong with one line of a bill, or with one line of ours."""

    UNKNOWN_PAYMENT = "unknown_payment"
    NOT_SETTLED = "not_settled"
    WRONG_AMOUNT = "wrong_amount"
    UNKNOWN_REFUND = "unknown_refund"
    REFUND_NOT_DONE = "refund_not_done"
    REFUND_FAILED = "refund_failed"
    UNREADABLE = "unreadable"
    NOT_IN_BILL = "not_in_bill"
    NO_BILL = "no_bill"
    # All such rows of a bill together.
    OF_OTHERS = "of_others"


class BillMismatch(Value):
    """`reference`: the trade number for money that came, our refund number for money that went,
    the day where there is no bill, the row that could not be read, how many rows are of others with
    some of them. `billed` and `booked` are the
    provider's and our amount in minor units, None where that side has none."""

    fault: BillFault
    reference: str
    payment_id: str | None = None
    order_id: str | None = None
    billed: int | None = None
    booked: int | None = None


class ComparedLine(Value):
    """A line of a bill beside what we have under its number: `booked` if the ledger has it, else
    the order of a payment or the refund that it may belong to. `is_our_trade`: we booked
    money under its trade number, whatever number of ours the line names."""

    kind: FlowKind
    reference: str
    payment_id: str
    amount: int
    booked: int | None = None
    order_id: str | None = None
    refund_state: BilledRefund = BilledRefund.DONE
    refund_status: RefundStatus | None = None
    refund_amount: int | None = None
    is_our_trade: bool = False

    @property
    def is_of_others(self) -> bool:
        """Nothing about it is ours: another application of the same account has made the trade."""
        known = self.booked, self.order_id, self.refund_status
        is_known = self.is_our_trade or any(one is not None for one in known)
        return not is_known and order_id_of_payment(self.payment_id) is None

    def fault(self, *, day_is_over: bool) -> BillFault | None:
        """None if both sides agree, or will by themselves."""
        if self.refund_state is BilledRefund.FAILED:
            # Nothing went back by this line, so it agrees with whatever is not booked as gone.
            return BillFault.REFUND_FAILED if self.booked is not None else None
        if self.booked is not None:
            return None if self.booked == self.amount else BillFault.WRONG_AMOUNT
        if self.kind is FlowKind.RECEIVED:
            return BillFault.NOT_SETTLED if self.order_id else BillFault.UNKNOWN_PAYMENT
        if self.refund_status is None:
            return BillFault.UNKNOWN_REFUND
        if self.refund_amount != self.amount:
            return BillFault.WRONG_AMOUNT
        if self.refund_state is BilledRefund.ASKED:
            # To a bank card it takes days; its workflow hears what becomes of it.
            return None
        # A provider books a refund before we hear that it is done, so an open one is no fault yet.
        late = day_is_over or self.refund_status is RefundStatus.FAILED
        return BillFault.REFUND_NOT_DONE if late else None

    def mismatch(self, *, day_is_over: bool) -> BillMismatch | None:
        fault = self.fault(day_is_over=day_is_over)
        if fault is None:
            return None
        return BillMismatch(
            fault=fault,
            reference=self.reference,
            payment_id=self.payment_id,
            order_id=self.order_id,
            billed=self.amount,
            # Nothing is booked of a refund that is not done, but what was asked for is known.
            booked=self.refund_amount if self.booked is None else self.booked,
        )


def together(others: Sequence[BillMismatch]) -> BillMismatch:
    """Rows of other applications, at least one, as one matter: a till may have thousands a day."""
    some = ", ".join(
        f"{one.reference} ({one.payment_id or 'no number'}, {one.billed})"
        for one in others[:EXAMPLES]
    )
    rows = "1 row" if len(others) == 1 else f"{len(others)} rows"
    return BillMismatch(fault=BillFault.OF_OTHERS, reference=f"{rows}, such as {some}")


class BillCheck(Value):
    """How the comparison of one provider's bill of one day came out, the latest time.

    `repaired` lines were missed notices that their orders were told of. `sample` holds the first
    mismatches; each of them all is an attention."""

    method: PaymentMethod
    day: date
    checked_at: datetime
    lines: int
    matched: int
    repaired: int
    mismatches: int
    sample: tuple[BillMismatch, ...] = ()

    @property
    def ok(self) -> bool:
        return self.mismatches == 0
