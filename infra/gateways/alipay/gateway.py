"""Alipay (open platform, RSA2) behind the one shape of a gateway."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

import httpx

from domain.bill import BillLine, ready_at
from domain.gateway_errors import AlreadyClosed, AlreadyPaid, BillNotReady, Declined, TradeNotFound
from domain.money import to_yuan
from domain.notice import VerifiedNotice
from domain.payment import (
    Charge,
    ClosedTrade,
    PaymentMethod,
    PaymentScene,
    QrAction,
    Receipt,
    RedirectAction,
    Trade,
    TradeState,
)
from domain.refund import RefundAnswer, RefundInstruction, RefundState
from infra.gateways.alipay.api import BILL, CLOSE, REFUND, AlipayApi, NoStatement
from infra.gateways.alipay.bill import read_bill
from infra.gateways.alipay.notice import AlipayNotices
from infra.gateways.connection import ProviderConnection
from infra.gateways.protocol import RawNotice
from infra.gateways.rsa import UnusableKey, load_private_key, load_public_key
from infra.gateways.wire import Number, ShanghaiTime, WireModel, Yuan, clip, to_shanghai
from infra.settings import AlipaySettings

NOTIFY_PATH = "/v1/webhooks/alipay"
RETURN_PATH = "/v1/payments/alipay/return"

_PAID = {"TRADE_SUCCESS", "TRADE_FINISHED"}
# Characters Alipay refuses in a title.
_TITLE = str.maketrans("/=&", "   ")


class _Done(WireModel):
    pass


class _Precreated(WireModel):
    out_trade_no: Number
    qr_code: str


class _Queried(WireModel):
    out_trade_no: Number
    trade_no: Number
    trade_status: str
    total_amount: Yuan
    send_pay_date: ShanghaiTime | None = None


class _Refunded(WireModel):
    out_trade_no: Number
    fund_change: str


class _RefundQueried(WireModel):
    out_request_no: str = ""
    refund_status: str = ""
    refund_amount: Yuan | None = None


class _BillAddress(WireModel):
    bill_download_url: str


class AlipayGateway:
    method = PaymentMethod.ALIPAY

    def __init__(
        self,
        settings: AlipaySettings,
        public_url: str,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`public_url`: where Alipay and browsers reach our API. Raises UnusableKey."""
        if settings.app_private_key is None or settings.provider_public_key is None:
            raise UnusableKey("Alipay needs the application's private key and Alipay's public key")
        provider_key = load_public_key(settings.provider_public_key)
        self._notices = AlipayNotices(provider_key, settings.app_id, settings.seller_id)
        self._notify_url = public_url.rstrip("/") + NOTIFY_PATH
        self._return_url = public_url.rstrip("/") + RETURN_PATH
        self._api = AlipayApi(
            ProviderConnection("alipay", settings.timeout_seconds, transport),
            settings.gateway_url,
            settings.app_id,
            load_private_key(settings.app_private_key),
            provider_key,
        )

    async def create(self, charge: Charge) -> RedirectAction | QrAction:
        if charge.currency != "CNY":
            raise Declined(f"alipay takes CNY only, not {charge.currency}")
        if charge.scene is PaymentScene.PAGE:
            return RedirectAction(url=self._page(charge))
        answer = await self._api.call(
            "alipay.trade.precreate",
            _content(charge),
            _Precreated,
            subject=charge.payment_id,
            notify_url=self._notify_url,
        )
        self._expect(answer.out_trade_no, charge.payment_id)
        return QrAction(code_url=answer.qr_code)

    async def query(self, payment_id: str) -> Trade:
        try:
            answer = await self._api.call(
                "alipay.trade.query", {"out_trade_no": payment_id}, _Queried, subject=payment_id
            )
        except TradeNotFound:
            return Trade(state=TradeState.NOT_FOUND)
        self._expect(answer.out_trade_no, payment_id)
        return _trade(answer)

    async def close(self, payment_id: str) -> ClosedTrade:
        try:
            await self._api.call(CLOSE, {"out_trade_no": payment_id}, _Done, subject=payment_id)
        except (TradeNotFound, AlreadyClosed):
            return ClosedTrade()
        except AlreadyPaid:
            return await self._not_closed(payment_id)
        return ClosedTrade()

    async def refund(self, order: RefundInstruction) -> RefundAnswer:
        content = {
            "out_trade_no": order.payment_id,
            "refund_amount": to_yuan(order.amount),
            "out_request_no": order.refund_id,
            "refund_reason": clip(order.reason, 256),
        }
        answer = await self._api.call(REFUND, content, _Refunded, subject=order.refund_id)
        self._expect(answer.out_trade_no, order.payment_id)
        if answer.fund_change == "Y":
            return RefundAnswer(state=RefundState.DONE)
        return await self._repeated_refund(order)

    async def query_refund(self, order: RefundInstruction) -> RefundAnswer:
        content = {"out_trade_no": order.payment_id, "out_request_no": order.refund_id}
        try:
            answer = await self._api.call(
                "alipay.trade.fastpay.refund.query",
                content,
                _RefundQueried,
                subject=order.refund_id,
            )
        except TradeNotFound:
            return RefundAnswer(state=RefundState.NOT_FOUND)
        return _refund_answer(answer, order)

    async def verify_notice(self, raw: RawNotice) -> VerifiedNotice:
        return self._notices.verify(raw)

    async def download_bill(self, day: date) -> tuple[BillLine, ...]:
        content = {"bill_type": "trade", "bill_date": day.isoformat()}
        try:
            address = await self._api.call(BILL, content, _BillAddress, subject=day.isoformat())
        except NoStatement:
            return self._no_statement(day)
        file = await self._api.download(address.bill_download_url, day.isoformat())
        try:
            return read_bill(file)
        except ValueError as error:
            raise self._api.later("download", day.isoformat(), "unreadable statement") from error

    async def aclose(self) -> None:
        await self._api.aclose()

    def verify_return(self, parameters: Mapping[str, str]) -> str | None:
        """See AlipayNotices.verify_return."""
        return self._notices.verify_return(parameters)

    def _page(self, charge: Charge) -> str:
        return self._api.link(
            "alipay.trade.page.pay",
            {**_content(charge), "product_code": "FAST_INSTANT_TRADE_PAY"},
            notify_url=self._notify_url,
            return_url=self._return_url,
        )

    async def _not_closed(self, payment_id: str) -> ClosedTrade:
        trade = await self.query(payment_id)
        if trade.state is TradeState.WAITING:
            raise self._api.later(CLOSE, payment_id, "refused, though the trade is unpaid")
        return ClosedTrade(receipt=trade.receipt if trade.state is TradeState.PAID else None)

    async def _repeated_refund(self, order: RefundInstruction) -> RefundAnswer:
        """`fund_change` N: this call moved nothing, as a rule because an earlier one with this
        number did. Which it is, Alipay's documentation leaves to the query."""
        answer = await self.query_refund(order)
        if answer.state is RefundState.NOT_FOUND:
            return RefundAnswer(state=RefundState.PROCESSING, detail="fund_change N")
        return answer

    def _expect(self, answered: str, asked: str) -> None:
        # A signature covers the answer, not the question: an old answer would verify as well.
        if answered != asked:
            raise self._api.later("answer", asked, "is for another trade")

    def _no_statement(self, day: date) -> tuple[BillLine, ...]:
        """Alipay says the same of "nothing traded" and "not ready": the clock decides."""
        if datetime.now(UTC) < ready_at(day):
            raise BillNotReady(f"alipay: no statement of {day} yet")
        return ()


def _content(charge: Charge) -> dict[str, str]:
    return {
        "out_trade_no": charge.payment_id,
        "total_amount": to_yuan(charge.amount),
        "subject": clip(charge.subject.translate(_TITLE), 256),
        "time_expire": to_shanghai(charge.expires_at),
    }


def _trade(answer: _Queried) -> Trade:
    """`send_pay_date` is the mark of a trade that was ever paid: TRADE_CLOSED has it only when
    all the money went back."""
    if answer.trade_status in _PAID:
        return Trade(state=TradeState.PAID, receipt=_receipt(answer))
    if answer.trade_status != "TRADE_CLOSED":
        return Trade(state=TradeState.WAITING)
    paid_once = answer.send_pay_date is not None
    return Trade(state=TradeState.CLOSED, receipt=_receipt(answer) if paid_once else None)


def _receipt(answer: _Queried) -> Receipt:
    return Receipt(
        method=PaymentMethod.ALIPAY,
        payment_id=answer.out_trade_no,
        trade_no=answer.trade_no,
        amount=answer.total_amount,
        paid_at=answer.send_pay_date or datetime.now(UTC),
    )


def _refund_answer(answer: _RefundQueried, order: RefundInstruction) -> RefundAnswer:
    """Success of the query is not success of the refund: the refund's own fields say that."""
    if answer.out_request_no != order.refund_id or answer.refund_status != "REFUND_SUCCESS":
        return RefundAnswer(state=RefundState.NOT_FOUND, detail=answer.refund_status)
    if answer.refund_amount != order.amount:
        detail = f"alipay gave back {answer.refund_amount}, not {order.amount}"
        return RefundAnswer(state=RefundState.FAILED, detail=detail)
    return RefundAnswer(state=RefundState.DONE)
