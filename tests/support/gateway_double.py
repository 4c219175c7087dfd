"""A payment provider in memory, for tests that are about orders and not about wires."""

from datetime import UTC, date, datetime

from domain.bill import Bill, BillLine, UnreadRow, day_of
from domain.gateway_errors import (
    BillNotReady,
    BuyerIsPaying,
    Declined,
    TryLater,
    UnreadableAnswer,
)
from domain.notice import NoticeKind, Verdict, VerifiedNotice
from domain.payment import (
    Charge,
    ClosedTrade,
    FlowKind,
    PaymentMethod,
    QrAction,
    Receipt,
    RedirectAction,
    Trade,
    TradeState,
)
from domain.refund import RefundAnswer, RefundInstruction, RefundState
from infra.gateways.protocol import RawNotice


class GatewayDouble:
    """Keeps its own book; `pay` is the buyer pressing the button."""

    def __init__(self, method: PaymentMethod = PaymentMethod.ALIPAY) -> None:
        self.method = method
        self.charges: dict[str, Charge] = {}
        self.receipts: dict[str, Receipt] = {}
        self.closed: set[str] = set()
        self.refunded: dict[str, int] = {}
        self.refunds_asked: list[str] = []
        self.refund_reasons: list[str] = []
        self.refunds_queried = 0
        self.declines_refunds = False
        self.declines_refunds_of: set[str] = set()
        # Done by the time somebody asks.
        self.slow_with_refunds_of: set[str] = set()
        # Accepted is not done: `give_back` ends what was taken on.
        self.takes_refunds_on = False
        self.taken_on: dict[str, RefundInstruction] = {}
        self.pays_on_close: set[str] = set()
        # The buyer types his password this many closes long, and has paid then.
        self.pays_after_closes: dict[str, int] = {}
        self.speaks_nonsense_of: set[str] = set()
        self.away = False
        self.turned_away = 0
        self.bills_late = 0
        self.declines_bills = False
        self.other_lines: list[BillLine] = []
        self.unread_rows: list[UnreadRow] = []

    def pay(self, payment_id: str, *, amount: int | None = None) -> Receipt:
        if payment_id in self.closed:
            raise AssertionError("a closed trade cannot be paid")
        charge = self.charges[payment_id]
        self.receipts[payment_id] = Receipt(
            method=self.method,
            payment_id=payment_id,
            trade_no=f"T-{self.method}-{payment_id}",
            amount=charge.amount if amount is None else amount,
            paid_at=datetime.now(UTC),
        )
        return self.receipts[payment_id]

    async def create(self, charge: Charge) -> RedirectAction | QrAction:
        self._answer()
        self.charges[charge.payment_id] = charge
        return QrAction(code_url=f"practice://{charge.payment_id}")

    async def query(self, payment_id: str) -> Trade:
        self._answer(payment_id)
        if receipt := self.receipts.get(payment_id):
            return Trade(state=TradeState.PAID, receipt=receipt)
        known = payment_id in self.charges
        return Trade(state=TradeState.WAITING if known else TradeState.NOT_FOUND)

    async def close(self, payment_id: str) -> ClosedTrade:
        self._answer(payment_id)
        if closes := self.pays_after_closes.get(payment_id, 0):
            self.pays_after_closes[payment_id] = closes - 1
            if closes > 1:
                raise BuyerIsPaying(f"{self.method}: USERPAYING")
            self.pay(payment_id)
        if payment_id in self.pays_on_close and payment_id not in self.closed:
            self.pay(payment_id)
        if receipt := self.receipts.get(payment_id):
            return ClosedTrade(receipt=receipt)
        self.closed.add(payment_id)
        return ClosedTrade()

    async def refund(self, order: RefundInstruction) -> RefundAnswer:
        self._answer(order.refund_id)
        self.refunds_asked.append(order.refund_id)
        self.refund_reasons.append(order.reason)
        if self.declines_refunds or order.payment_id in self.declines_refunds_of:
            raise Declined(f"{self.method} declines")
        if self.takes_refunds_on or order.payment_id in self.slow_with_refunds_of:
            self.taken_on[order.refund_id] = order
            return RefundAnswer(state=RefundState.PROCESSING)
        return self.give_back(order)

    def give_back(self, order: RefundInstruction) -> RefundAnswer:
        self.taken_on.pop(order.refund_id, None)
        if order.refund_id not in self.refunded:
            self.other_lines.append(_refund_line(order))
        self.refunded[order.refund_id] = order.amount
        return RefundAnswer(state=RefundState.DONE)

    async def query_refund(self, order: RefundInstruction) -> RefundAnswer:
        self._answer(order.refund_id)
        self.refunds_queried += 1
        if order.payment_id in self.slow_with_refunds_of and order.refund_id in self.taken_on:
            return self.give_back(order)
        if order.refund_id in self.taken_on:
            return RefundAnswer(state=RefundState.PROCESSING)
        known = order.refund_id in self.refunded
        return RefundAnswer(state=RefundState.DONE if known else RefundState.NOT_FOUND)

    async def verify_notice(self, raw: RawNotice) -> VerifiedNotice:
        return VerifiedNotice(
            provider_notice_id="", kind=NoticeKind.OTHER, verdict=Verdict.BAD_SIGNATURE
        )

    async def download_bill(self, day: date) -> Bill:
        self._answer()
        if self.declines_bills:
            raise Declined(f"{self.method} declines")
        if self.bills_late > 0:
            self.bills_late -= 1
            raise BillNotReady(f"{self.method}: no statement of {day} yet")
        paid = (_paid_line(receipt) for receipt in self.receipts.values())
        lines = [*paid, *self.other_lines]
        today = tuple(line for line in lines if day_of(line.at) == day)
        return Bill(lines=today, unread=tuple(self.unread_rows))

    async def aclose(self) -> None:
        return None

    def _answer(self, number: str = "") -> None:
        if number in self.speaks_nonsense_of:
            raise UnreadableAnswer(f"{self.method}: unreadable answer")
        if self.away:
            self.turned_away += 1
            raise TryLater(f"{self.method} is not answering")


def _paid_line(receipt: Receipt) -> BillLine:
    return BillLine(
        kind=FlowKind.RECEIVED,
        payment_id=receipt.payment_id,
        trade_no=receipt.trade_no,
        refund_id=None,
        amount=receipt.amount,
        at=receipt.paid_at,
    )


def _refund_line(order: RefundInstruction) -> BillLine:
    return BillLine(
        kind=FlowKind.REFUNDED,
        payment_id=order.payment_id,
        trade_no=order.trade_no,
        refund_id=order.refund_id,
        amount=order.amount,
        at=datetime.now(UTC),
    )
