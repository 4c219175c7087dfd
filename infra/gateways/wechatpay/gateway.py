"""WeChat Pay (API v3, native) behind the one shape of a gateway."""

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial

import httpx

from domain.bill import SHANGHAI, Bill
from domain.gateway_errors import AlreadyClosed, AlreadyPaid, TradeNotFound
from domain.notice import VerifiedNotice
from domain.payment import Charge, ClosedTrade, PaymentMethod, QrAction, Trade, TradeState
from domain.refund import RefundAnswer, RefundInstruction, RefundState
from infra.gateways.connection import ProviderConnection
from infra.gateways.protocol import RawNotice
from infra.gateways.provider_api import NoBill
from infra.gateways.rsa import UnusableKey, load_private_key
from infra.gateways.wechatpay.api import WechatPayApi
from infra.gateways.wechatpay.bill import read_bill
from infra.gateways.wechatpay.notice import Transaction, WechatPayNotices
from infra.gateways.wechatpay.wire import API_V3_KEY_BYTES, Merchant, PlatformKeys
from infra.gateways.wire import WireModel, clip
from infra.settings import WechatPaySettings

NOTIFY_PATH = "/v1/webhooks/wechatpay"

_NATIVE = "/v3/pay/transactions/native"
_TRADE = "/v3/pay/transactions/out-trade-no/{payment_id}"
_REFUNDS = "/v3/refund/domestic/refunds"
_TRADE_BILL = "/v3/bill/tradebill"

# `time_expire` must be a minute ahead by the rules, and a little for the way there.
SHORTEST_TO_PAY = timedelta(seconds=65)
# SUCCESS is what the buyer may have the goods for. REFUND says that the money had arrived, and that
# some of it went back or is about to.
_PAID, _RETURNED = "SUCCESS", "REFUND"
_CLOSED = {"CLOSED", "REVOKED"}
# PROCESSING is how a refund is taken in; that it is done, a notice or a query says.
_REFUND_STATES = {
    "SUCCESS": RefundState.DONE,
    "PROCESSING": RefundState.PROCESSING,
    "CLOSED": RefundState.FAILED,
    "ABNORMAL": RefundState.FAILED,
}


def utc_now() -> datetime:
    return datetime.now(UTC)


class _Native(WireModel):
    code_url: str


class _RefundAmount(WireModel):
    refund: int


class _Refund(WireModel):
    out_refund_no: str
    out_trade_no: str
    status: str
    amount: _RefundAmount


class _BillAddress(WireModel):
    download_url: str
    hash_type: str = "SHA1"
    hash_value: str


class WechatPayGateway:
    method = PaymentMethod.WECHATPAY

    def __init__(
        self,
        settings: WechatPaySettings,
        public_url: str,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`public_url`: where WeChat Pay reaches our API. Raises UnusableKey."""
        if settings.merchant_private_key is None or settings.provider_public_keys is None:
            raise UnusableKey("WeChat Pay needs the merchant's private key and its public keys")
        self._appid, self._mchid = settings.appid, settings.mchid
        self._notify_url = public_url.rstrip("/") + NOTIFY_PATH
        self._clock = clock
        keys = PlatformKeys(settings.provider_public_keys, settings.public_key_id)
        self._notices = WechatPayNotices(
            settings.appid, settings.mchid, _api_v3_key(settings), keys, clock
        )
        merchant_key = load_private_key(settings.merchant_private_key)
        self._api = WechatPayApi(
            ProviderConnection("wechatpay", settings.timeout_seconds, transport),
            settings.gateway_url,
            Merchant(settings.mchid, settings.merchant_serial, merchant_key),
            keys,
            clock,
        )

    async def create(self, charge: Charge) -> QrAction:
        """A QR code whatever the scene: native is the one product used here."""
        self._api.check_currency(charge)
        # WeChat Pay refuses a last moment that is near; ours is kept by closing the trade.
        expires_at = max(charge.expires_at, self._clock() + SHORTEST_TO_PAY)
        message = {
            "appid": self._appid,
            "mchid": self._mchid,
            "description": clip(charge.subject, 127),
            "out_trade_no": charge.payment_id,
            "time_expire": expires_at.astimezone(SHANGHAI).replace(microsecond=0).isoformat(),
            "notify_url": self._notify_url,
            "amount": {"total": charge.amount, "currency": "CNY"},
        }
        answer = await self._api.post(_NATIVE, message, _Native, subject=charge.payment_id)
        return QrAction(code_url=answer.code_url)

    async def query(self, payment_id: str) -> Trade:
        path = _TRADE.format(payment_id=payment_id)
        try:
            answer = await self._api.get(
                path, {"mchid": self._mchid}, Transaction, subject=payment_id
            )
        except TradeNotFound:
            return Trade(state=TradeState.NOT_FOUND)
        self._api.expect(
            (answer.out_trade_no, answer.appid, answer.mchid),
            (payment_id, self._appid, self._mchid),
        )
        return self._trade(answer)

    async def close(self, payment_id: str) -> ClosedTrade:
        path = _TRADE.format(payment_id=payment_id) + "/close"
        try:
            await self._api.instruct(path, {"mchid": self._mchid}, subject=payment_id)
        except (TradeNotFound, AlreadyClosed):
            return ClosedTrade()
        except AlreadyPaid:
            return self._api.closed("close", payment_id, await self.query(payment_id))
        return ClosedTrade()

    async def refund(self, instruction: RefundInstruction) -> RefundAnswer:
        message = {
            "out_trade_no": instruction.payment_id,
            # Refunds once under this number, however often it is sent; another would pay again.
            "out_refund_no": instruction.refund_id,
            "reason": clip(instruction.reason, 80),
            "notify_url": self._notify_url,
            "amount": {
                "refund": instruction.amount,
                "total": instruction.paid_amount,
                "currency": instruction.currency,
            },
        }
        answer = await self._api.post(_REFUNDS, message, _Refund, subject=instruction.refund_id)
        return self._refund_answer(answer, instruction)

    async def query_refund(self, instruction: RefundInstruction) -> RefundAnswer:
        path = f"{_REFUNDS}/{instruction.refund_id}"
        try:
            answer = await self._api.get(path, {}, _Refund, subject=instruction.refund_id)
        except TradeNotFound:
            return RefundAnswer(state=RefundState.NOT_FOUND)
        return self._refund_answer(answer, instruction)

    async def verify_notice(self, raw: RawNotice) -> VerifiedNotice:
        return self._notices.verify(raw)

    async def download_bill(self, day: date) -> Bill:
        query = {"bill_date": day.isoformat(), "bill_type": "ALL"}
        try:
            address = await self._api.get(_TRADE_BILL, query, _BillAddress, subject=str(day))
        except NoBill:
            return self._api.no_lines(day, self._clock())
        file = await self._api.download(address.download_url, str(day))
        # The provider chose SHA1; the address it stands beside is signed.
        digest = hashlib.sha1(file, usedforsecurity=False).hexdigest()
        if address.hash_type != "SHA1" or digest != address.hash_value.lower():
            raise self._api.later("download", str(day), "bill does not match its SHA1")
        return self._api.bill(partial(read_bill, appid=self._appid), file, day)

    async def aclose(self) -> None:
        await self._api.aclose()

    def _trade(self, answer: Transaction) -> Trade:
        if answer.trade_state in _CLOSED:
            return Trade(state=TradeState.CLOSED)
        if answer.trade_state not in (_PAID, _RETURNED):
            return Trade(state=TradeState.WAITING)
        try:
            receipt = answer.receipt()
        except ValueError as error:
            raise self._api.unreadable("query", answer.out_trade_no, str(error)) from error
        if answer.trade_state == _RETURNED:
            return Trade(state=TradeState.CLOSED, returned=receipt)
        return Trade(state=TradeState.PAID, receipt=receipt)

    def _refund_answer(self, answer: _Refund, instruction: RefundInstruction) -> RefundAnswer:
        self._api.expect(
            (answer.out_refund_no, answer.out_trade_no),
            (instruction.refund_id, instruction.payment_id),
        )
        state = _REFUND_STATES.get(answer.status, RefundState.PROCESSING)
        if state is not RefundState.FAILED and answer.amount.refund != instruction.amount:
            detail = f"wechatpay gives back {answer.amount.refund}, not {instruction.amount}"
            return RefundAnswer(state=RefundState.FAILED, detail=detail)
        return RefundAnswer(state=state, detail="" if state is RefundState.DONE else answer.status)


def _api_v3_key(settings: WechatPaySettings) -> bytes:
    try:
        key = settings.read_api_v3_key()
    except OSError as error:
        raise UnusableKey(f"no readable APIv3 key in {settings.api_v3_key_file}") from error
    if len(key) != API_V3_KEY_BYTES:
        raise UnusableKey(f"the APIv3 key must have {API_V3_KEY_BYTES} bytes, not {len(key)}")
    return key
