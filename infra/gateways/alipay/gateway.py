"""Alipay (open platform, RSA2) behind the one shape of a gateway."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated

import httpx
from pydantic import BeforeValidator

from domain.bill import Bill
from domain.gateway_errors import AlreadyClosed, AlreadyPaid, TradeNotFound
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
from infra.gateways.alipay.api import BILL, CLOSE, REFUND, AlipayApi
from infra.gateways.alipay.bill import read_bill
from infra.gateways.alipay.notice import AlipayNotices
from infra.gateways.connection import ProviderConnection
from infra.gateways.protocol import RawNotice
from infra.gateways.provider_api import NoBill
from infra.gateways.rsa import UnusableKey, load_private_key, load_public_key
from infra.gateways.wire import (
    Number,
    ShanghaiTime,
    WireModel,
    Yuan,
    blank_is_none,
    clip,
    to_shanghai,
)
from infra.settings import AlipaySettings

NOTIFY_PATH = "/v1/webhooks/alipay"
RETURN_PATH = "/v1/payments/alipay/return"

# FINISHED: paid, and beyond refunding. It is the first word where refunds are not agreed on.
_PAID = {"TRADE_SUCCESS", "TRADE_FINISHED"}
# Characters Alipay refuses in a title.
_TITLE = str.maketrans("/=&", "   ")


class _Done(WireModel):
    """Success is all that is asked of this answer."""


class _Precreated(WireModel):
    out_trade_no: Number
    qr_code: str


class _Queried(WireModel):
    out_trade_no: Number
    trade_no: Number
    trade_status: str
    total_amount: Yuan
    send_pay_date: Annotated[ShanghaiTime | None, BeforeValidator(blank_is_none)] = None


class _Refunded(WireModel):
    out_trade_no: Number
    fund_change: str


class _RefundQueried(WireModel):
    out_request_no: str = ""
    refund_status: str = ""
    refund_amount: Annotated[Yuan | None, BeforeValidator(blank_is_none)] = None


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
        self._api.check_currency(charge)
        if charge.scene is PaymentScene.PAGE:
            url = self._api.link(
                "alipay.trade.page.pay",
                {**_content(charge), "product_code": "FAST_INSTANT_TRADE_PAY"},
                notify_url=self._notify_url,
                return_url=self._return_url,
            )
            return RedirectAction(url=url)
        answer = await self._api.call(
            "alipay.trade.precreate",
            _content(charge),
            _Precreated,
            subject=charge.payment_id,
            notify_url=self._notify_url,
        )
        self._api.expect((answer.out_trade_no,), (charge.payment_id,))
        return QrAction(code_url=answer.qr_code)

    async def query(self, payment_id: str) -> Trade:
        try:
            answer = await self._api.call(
                "alipay.trade.query", {"out_trade_no": payment_id}, _Queried, subject=payment_id
            )
        except TradeNotFound:
            return Trade(state=TradeState.NOT_FOUND)
        self._api.expect((answer.out_trade_no,), (payment_id,))
        return _trade(answer)

    async def close(self, payment_id: str) -> ClosedTrade:
        try:
            await self._api.call(CLOSE, {"out_trade_no": payment_id}, _Done, subject=payment_id)
        # Not found: the buyer never opened the cashier. The code can still be scanned until
        # `time_expire`, so money may come late all the same.
        except (TradeNotFound, AlreadyClosed):
            return ClosedTrade()
        except AlreadyPaid:
            return self._api.closed(CLOSE, payment_id, await self.query(payment_id))
        return ClosedTrade()

    async def refund(self, instruction: RefundInstruction) -> RefundAnswer:
        content = {
            "out_trade_no": instruction.payment_id,
            "refund_amount": to_yuan(instruction.amount),
            # Refunds once under this number, however often it is sent; another would pay again.
            "out_request_no": instruction.refund_id,
            "refund_reason": clip(instruction.reason, 256),
        }
        answer = await self._api.call(REFUND, content, _Refunded, subject=instruction.refund_id)
        self._api.expect((answer.out_trade_no,), (instruction.payment_id,))
        if answer.fund_change == "Y":
            return RefundAnswer(state=RefundState.DONE)
        # N: this call moved nothing, as a rule because an earlier one with this number did. Which
        # it is, Alipay's documentation leaves to the query.
        found = await self.query_refund(instruction)
        if found.state is RefundState.NOT_FOUND:
            return RefundAnswer(state=RefundState.PROCESSING, detail="fund_change N")
        return found

    async def query_refund(self, instruction: RefundInstruction) -> RefundAnswer:
        content = {"out_trade_no": instruction.payment_id, "out_request_no": instruction.refund_id}
        try:
            answer = await self._api.call(
                "alipay.trade.fastpay.refund.query",
                content,
                _RefundQueried,
                subject=instruction.refund_id,
            )
        except TradeNotFound:
            return RefundAnswer(state=RefundState.NOT_FOUND)
        return _refund_answer(answer, instruction)

    async def verify_notice(self, raw: RawNotice) -> VerifiedNotice:
        return self._notices.verify(raw)

    async def download_bill(self, day: date) -> Bill:
        content = {"bill_type": "trade", "bill_date": day.isoformat()}
        try:
            address = await self._api.call(BILL, content, _BillAddress, subject=day.isoformat())
        except NoBill:
            return self._api.no_lines(day, datetime.now(UTC))
        file = await self._api.download(address.bill_download_url, day.isoformat())
        return self._api.bill(read_bill, file, day)

    async def aclose(self) -> None:
        await self._api.aclose()

    def verify_return(self, parameters: Mapping[str, str]) -> str | None:
        """See AlipayNotices.verify_return."""
        return self._notices.verify_return(parameters)


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
    return Trade(state=TradeState.CLOSED, returned=_receipt(answer) if paid_once else None)


def _receipt(answer: _Queried) -> Receipt:
    return Receipt(
        method=PaymentMethod.ALIPAY,
        payment_id=answer.out_trade_no,
        trade_no=answer.trade_no,
        amount=answer.total_amount,
        paid_at=answer.send_pay_date or datetime.now(UTC),
    )


def _refund_answer(answer: _RefundQueried, instruction: RefundInstruction) -> RefundAnswer:
    """Success of the query is not success of the refund: the refund's own fields say that."""
    if answer.out_request_no != instruction.refund_id or answer.refund_status != "REFUND_SUCCESS":
        return RefundAnswer(state=RefundState.NOT_FOUND, detail=answer.refund_status)
    if answer.refund_amount != instruction.amount:
        detail = f"alipay gave back {answer.refund_amount}, not {instruction.amount}"
        return RefundAnswer(state=RefundState.FAILED, detail=detail)
    return RefundAnswer(state=RefundState.DONE)
