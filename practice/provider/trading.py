"""What may happen to a trade, whichever provider's language asked for it."""

from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

from practice.provider.book import (
    PAYABLE,
    Book,
    Offer,
    Provider,
    Refund,
    RefundStatus,
    Trade,
    TradeStatus,
)
from practice.provider.control import Controls
from practice.provider.notice_queue import Event, NoticeKind, NoticeQueue
from practice.provider.storage import Storage

# A notice that waits to be overtaken goes out by itself after this long.
OVERTAKE_SECONDS = 3.0
MOST_REFUNDS = 50


class Why(StrEnum):
    NOT_OPEN_YET = "not_open_yet"
    PAID = "paid"
    NOT_PAID = "not_paid"
    FINISHED = "finished"
    CLOSED = "closed"
    REFUNDED = "refunded"
    DIFFERS = "differs"
    TOO_MUCH = "too_much"
    TOO_MANY = "too_many"
    NOT_ENOUGH = "not_enough"


class Refused(Exception):
    """The provider will not do it; nothing was changed."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


class Trading:
    """Each method is one transaction with the notices it causes, so neither exists alone."""

    def __init__(
        self,
        storage: Storage,
        controls: Controls,
        clock: Callable[[], float],
        refund_seconds: float,
    ) -> None:
        """`clock` is the true one."""
        self.book = Book(storage)
        self.notices = NoticeQueue(storage)
        self.controls = controls
        self._true_clock = clock
        self._storage = storage
        self._refund_seconds = refund_seconds
        self.on_notice: Callable[[], None] = lambda: None

    def clock(self) -> float:
        """What the provider takes for the time. Its own work goes by the true time: else all that
        waits would be late for as long as a clock was wrong that is right again."""
        return self._true_clock() + self.controls.overall().clock_seconds

    def offer(self, offer: Offer, status: TradeStatus) -> Trade:
        """Take an offer in; the same one again is harmless. Raises Refused if it differs from
        the first, or if its trade is over."""
        trade = self.book.add(offer, status, self.clock())
        if (trade.amount, trade.subject) != (offer.amount, offer.subject):
            raise Refused(Why.DIFFERS)
        if trade.status not in PAYABLE:
            raise Refused(Why.PAID if trade.paid else Why.CLOSED)
        return trade

    def pay(self, trade: Trade) -> Trade:
        """The buyer presses Pay; pressing again changes nothing. Raises Refused if closed."""
        with self._storage.transaction():
            now = self.clock()
            if self.book.pay(trade, now):
                self._announce(NoticeKind.PAYMENT, self.book.by_id(trade.id))
            elif not self.book.by_id(trade.id).paid:
                raise Refused(Why.CLOSED)
        return self.book.by_id(trade.id)

    def close(self, trade: Trade) -> Trade:
        """Raises Refused: PAID, CLOSED, or NOT_OPEN_YET for an unopened Alipay code, which
        stays payable, as at the real one."""
        switches = self.controls.of(trade.out_trade_no)
        if self.controls.happens(switches.pay_on_close):
            with suppress(Refused):
                trade = self.pay(trade)
        if trade.status == TradeStatus.OFFERED:
            raise Refused(Why.NOT_OPEN_YET)
        if not self.book.close(trade, self.clock()):
            raise Refused(Why.PAID if self.book.by_id(trade.id).paid else Why.CLOSED)
        return self.book.by_id(trade.id)

    def refund(
        self, trade: Trade, refund_no: str, amount: int, *, reason: str, notify_url: str
    ) -> tuple[Refund, bool]:
        """The refund, and whether this call made it. Raises Refused."""
        refunds = self.book.refunds_of(trade)
        standing = next((one for one in refunds if one.refund_no == refund_no), None)
        if standing:
            if standing.amount != amount:
                raise Refused(Why.DIFFERS)
            return standing, False
        self._check_refund(trade, amount)
        switches, now = self.controls.of(trade.out_trade_no), self.clock()
        if self.controls.happens(switches.not_enough):
            raise Refused(Why.NOT_ENOUGH)
        takes = switches.refund_seconds
        wait = self._refund_seconds if takes is None else takes
        refund = self.book.add_refund(
            trade, refund_no, amount, reason=reason, notify_url=notify_url,
            now=now, settle_at=self._true_clock() + wait,
        )  # fmt: skip
        return refund, True

    def settle(self, refund: Refund, status: RefundStatus) -> Refund:
        """End a refund in work and tell the merchant."""
        with self._storage.transaction():
            settled = self.book.settle(refund, status, self.clock())
            trade = self.book.by_id(refund.trade_id)
            refund = next(one for one in self.book.refunds_of(trade) if one.id == refund.id)
            if settled:
                self._announce(NoticeKind.REFUND, trade, refund)
        return refund

    def finish(self, trade: Trade) -> Trade:
        """The refund window ends: Alipay's TRADE_FINISHED. Raises Refused if not paid."""
        with self._storage.transaction():
            if not self.book.finish(trade):
                raise Refused(Why.NOT_PAID)
            trade = self.book.by_id(trade.id)
            self._announce(NoticeKind.FINISHED, trade)
        return trade

    def pass_time(self) -> None:
        """What happens by the clock alone: Alipay closes what was not paid in time, and WeChat
        Pay's refunds end. (WeChat Pay's expired orders stay open but cannot be paid.)"""
        now = self.clock()
        for trade in self.book.expired(Provider.ALIPAY, now):
            with self._storage.transaction():
                if self.book.close(trade, now):
                    self._announce(NoticeKind.CLOSED, self.book.by_id(trade.id))
        for refund in self.book.due_refunds(self._true_clock()):
            switches = self.controls.of(self.book.by_id(refund.trade_id).out_trade_no)
            outcome = RefundStatus.SUCCESS
            if self.controls.happens(switches.refund_abnormal):
                outcome = RefundStatus.ABNORMAL
            elif self.controls.happens(switches.refund_closed):
                outcome = RefundStatus.CLOSED
            self.settle(refund, outcome)

    def _check_refund(self, trade: Trade, amount: int) -> None:
        over = {
            TradeStatus.CLOSED: Why.CLOSED,
            TradeStatus.FINISHED: Why.FINISHED,
            TradeStatus.REFUNDED: Why.REFUNDED,
        }
        if trade.status != TradeStatus.PAID:
            raise Refused(over.get(TradeStatus(trade.status), Why.NOT_PAID))
        earlier = self.book.refunds_of(trade)
        # An abnormal refund still holds its money back: it may yet be paid out by hand.
        taken = sum(one.amount for one in earlier if one.status != RefundStatus.CLOSED)
        if taken + amount > trade.amount:
            raise Refused(Why.TOO_MUCH)
        if len(earlier) >= MOST_REFUNDS:
            raise Refused(Why.TOO_MANY)

    def _announce(self, kind: NoticeKind, trade: Trade, refund: Refund | None = None) -> None:
        url = (refund.notify_url if refund else "") or trade.notify_url
        if not url:
            return
        switches, now = self.controls.of(trade.out_trade_no), self.clock()
        event = Event.of(kind, now, trade, refund)
        due_at = self._true_clock() + self.controls.delay(switches)
        # One held back is enough: two would only change places with each other.
        reorders = self.controls.happens(switches.reorder)
        held_back = reorders and not self.notices.holds_one_back(trade)
        dropped = self.controls.happens(switches.drop)
        if held_back:
            due_at += OVERTAKE_SECONDS
        self.notices.add(event, url, due_at, held_back=held_back, dropped=dropped)
        if self.controls.happens(switches.duplicate) and not dropped:
            self.notices.add(
                event, url, due_at + self.controls.duplicate_gap(), held_back=held_back
            )
        self.on_notice()
