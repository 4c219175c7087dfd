"""WeChat Pay's API v3: native payments, refunds, bills."""

import gzip
import hashlib
import json
import re
from collections import deque
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from practice.provider import wechatpay_wire as wire
from practice.provider.bills import BillShelf, day_bounds, wechatpay_bill
from practice.provider.book import Offer, Provider, RefundStatus, Scene, Trade, TradeStatus
from practice.provider.calls import answered
from practice.provider.keys import Keys
from practice.provider.trading import Refused, Till, Why
from practice.provider.wechatpay_wire import Failure, Fields

OUT_TRADE_NO = re.compile(r"[0-9A-Za-z_\-*]{6,32}")
DEFAULT_EXPIRY_SECONDS = 2 * 3600
SHORTEST_TO_PAY = 60
BILL_ADDRESS_SECONDS = 300
# Limits of the refund call, from its documentation.
REFUND_CALLS_PER_SECOND = 150
SECONDS_BETWEEN_REFUNDS = 60
_NOT_EXIST = Failure(404, "ORDER_NOT_EXIST", "订单不存在")
_NO_REFUND = Failure(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
_TOO_OFTEN = Failure(429, "FREQUENCY_LIMITED", "频率限制")
_REFUSALS = {
    Why.DIFFERS: Failure(400, "INVALID_REQUEST", "与之前的请求参数不一致"),
    Why.PAID: Failure(400, "ORDERPAID", "订单已支付"),
    Why.CLOSED: Failure(400, "ORDER_CLOSED", "订单已关闭"),
    Why.NOT_PAID: Failure(400, "INVALID_REQUEST", "订单未支付,不可退款"),
    Why.REFUNDED: Failure(400, "INVALID_REQUEST", "订单已全额退款"),
    Why.TOO_MUCH: Failure(400, "INVALID_REQUEST", "退款金额大于可退金额"),
    Why.TOO_MANY: Failure(400, "INVALID_REQUEST", "部分退款次数超过50次"),
}
Call = Callable[[Fields], tuple[int, Fields | None]]


class WechatPay:
    def __init__(self, keys: Keys, till: Till, shelf: BillShelf, *, pace_scale: float) -> None:
        self._keys = keys
        self._till = till
        self._shelf = shelf
        self._pace_scale = pace_scale
        self._refund_calls: deque[float] = deque(maxlen=REFUND_CALLS_PER_SECOND)

    async def native(self, request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        return await self._answer(request, lambda said: self._create(said, base))

    async def query(self, request: Request) -> Response:
        mchid = request.query_params.get("mchid")
        number = request.path_params["out_trade_no"]

        def call(_: Fields) -> tuple[int, Fields]:
            self._check_mchid(mchid)
            return 200, self._view(self._trade(number))

        return await self._answer(request, call, number)

    async def close(self, request: Request) -> Response:
        number = request.path_params["out_trade_no"]

        def call(said: Fields) -> tuple[int, None]:
            self._check_mchid(said.get("mchid"))
            self._till.close(self._trade(number))
            return 204, None

        return await self._answer(request, call, number)

    async def refund(self, request: Request) -> Response:
        return await self._answer(request, self._refund)

    async def query_refund(self, request: Request) -> Response:
        refunds = self._till.book.refunds_numbered(
            Provider.WECHATPAY, request.path_params["out_refund_no"]
        )
        trade = self._till.book.by_id(refunds[0].trade_id) if refunds else None

        def call(_: Fields) -> tuple[int, Fields]:
            if trade is None:
                raise _NO_REFUND
            return 200, wire.refund_view(refunds[0], trade)

        return await self._answer(request, call, trade.out_trade_no if trade else "")

    async def trade_bill(self, request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        asked = dict(request.query_params)
        return await self._answer(request, lambda _: self._bill(asked, base))

    async def bill_file(self, request: Request) -> Response:
        """The file itself: the call is signed, its answer is not (its hash is known)."""
        try:
            self._check_authorization(request, b"")
        except Failure as failure:
            return self._signed(failure.status, _problem(failure))
        content = self._shelf.take(request.query_params.get("token", ""))
        if content is None:
            return self._signed(404, {"code": "RESOURCE_NOT_EXISTS", "message": "账单已过期"})
        return Response(content, media_type="text/plain")

    async def _answer(self, request: Request, call: Call, out_trade_no: str = "") -> Response:
        body = await request.body()
        self._till.pass_time()
        said = _parsed(body)
        named = out_trade_no or str(said.get("out_trade_no", ""))
        return await answered(
            request, self._till.controls, named, lambda: self._done(request, body, said, call)
        )

    def _done(self, request: Request, body: bytes, said: Fields, call: Call) -> Response:
        try:
            self._check_authorization(request, body)
            return self._signed(*call(said))
        except Refused as refusal:
            failure = _REFUSALS[refusal.why]
        except Failure as error:
            failure = error
        return self._signed(failure.status, _problem(failure))

    def _signed(self, status: int, fields: Fields | None) -> Response:
        body = wire.compact(fields) if fields is not None else b""
        headers = wire.signature_headers(self._keys, body, self._till.clock())
        media_type = "application/json" if body else None
        return Response(body, status, headers=headers, media_type=media_type)

    def _check_authorization(self, request: Request, body: bytes) -> None:
        url = request.scope["raw_path"].decode("ascii")
        if request.url.query:
            url += f"?{request.url.query}"
        wire.check_authorization(
            request.headers.get("authorization", ""), request.method, url, body,
            accounts=self._keys.accounts, merchant=self._keys.wechatpay_merchant,
            now=self._till.clock(),
        )  # fmt: skip

    def _create(self, said: Fields, base: str) -> tuple[int, Fields]:
        self._check_mchid(said.get("mchid"))
        if said.get("appid") != self._keys.accounts.appid:
            raise Failure(400, "APPID_MCHID_NOT_MATCH", "AppID和mch_id不匹配")
        trade = self._till.offer(self._offer(said), TradeStatus.WAITING)
        return 200, {"code_url": f"{base}/cashier/{trade.code}"}

    def _offer(self, said: Fields) -> Offer:
        number, subject = str(said.get("out_trade_no", "")), str(said.get("description", ""))
        notify_url = str(said.get("notify_url", ""))
        amount = _amount(said, "total")
        if not OUT_TRADE_NO.fullmatch(number) or not subject or not notify_url.startswith("http"):
            raise Failure(400, "PARAM_ERROR", "out_trade_no, description 或 notify_url 无效")
        now = self._till.clock()
        expires = said.get("time_expire")
        expires_at = wire.from_rfc3339(expires) if expires else now + DEFAULT_EXPIRY_SECONDS
        if expires_at < now + SHORTEST_TO_PAY:
            raise Failure(400, "PARAM_ERROR", "time_expire 距当前时间不足一分钟")
        return Offer(
            provider=Provider.WECHATPAY, out_trade_no=number, scene=Scene.QR,
            subject=subject[:127], amount=amount, notify_url=notify_url, return_url="",
            expires_at=expires_at,
        )  # fmt: skip

    def _refund(self, said: Fields) -> tuple[int, Fields]:
        now = self._till.clock()
        if len(self._refund_calls) == REFUND_CALLS_PER_SECOND and now - self._refund_calls[0] < 1:
            raise _TOO_OFTEN
        self._refund_calls.append(now)
        number, amount = str(said.get("out_refund_no", "")), _amount(said, "refund")
        if not 1 <= len(number) <= 64:
            raise Failure(400, "PARAM_ERROR", "out_refund_no 无效")
        trade = self._paid_trade(said)
        if _amount(said, "total") != trade.amount:
            raise Failure(400, "INVALID_REQUEST", "订单金额与支付时不一致")
        self._check_pace(trade, number, now)
        refund, _ = self._till.refund(
            trade, number, amount, reason=str(said.get("reason", "")),
            notify_url=str(said.get("notify_url", "")),
        )  # fmt: skip
        return 200, wire.refund_view(refund, trade)

    def _check_pace(self, trade: Trade, refund_no: str, now: float) -> None:
        """One new refund a minute per order; a repeat of a number is always heard. A number
        used for another order is refused."""
        standing = self._till.book.refunds_numbered(Provider.WECHATPAY, refund_no)
        if any(refund.trade_id != trade.id for refund in standing):
            raise _REFUSALS[Why.DIFFERS]
        earlier = self._till.book.refunds_of(trade)
        pause = SECONDS_BETWEEN_REFUNDS * self._pace_scale
        if earlier and not standing and now - earlier[-1].requested_at < pause:
            raise _TOO_OFTEN

    def _bill(self, asked: dict[str, str], base: str) -> tuple[int, Fields]:
        bounds = day_bounds(asked.get("bill_date", ""), self._till.clock())
        if bounds is None or asked.get("bill_type", "ALL") != "ALL":
            raise Failure(400, "PARAM_ERROR", "bill_date 或 bill_type 无效")
        accounts = self._keys.accounts
        file = wechatpay_bill(self._till.book, accounts.appid, accounts.mchid, bounds)
        if file is None:
            raise Failure(400, "NO_STATEMENT_EXIST", "账单文件不存在")
        # The hash is of the plain file, also when it is sent packed.
        sent = gzip.compress(file) if asked.get("tar_type") == "GZIP" else file
        token = self._shelf.put(sent, BILL_ADDRESS_SECONDS)
        return 200, {
            "hash_type": "SHA1",
            "hash_value": hashlib.sha1(file, usedforsecurity=False).hexdigest(),
            "download_url": f"{base}/wechatpay/v3/billdownload/file?token={token}",
        }

    def _view(self, trade: Trade) -> Fields:
        refunds = self._till.book.refunds_of(trade)
        refunding = any(refund.status != RefundStatus.CLOSED for refund in refunds)
        return wire.transaction(trade, self._keys.accounts, refunding=refunding)

    def _trade(self, out_trade_no: str) -> Trade:
        trade = self._till.book.trade(Provider.WECHATPAY, out_trade_no)
        if trade is None:
            raise _NOT_EXIST
        return trade

    def _paid_trade(self, said: Fields) -> Trade:
        book = self._till.book
        if transaction_id := said.get("transaction_id"):
            trade = book.by_trade_no(Provider.WECHATPAY, str(transaction_id))
        else:
            trade = book.trade(Provider.WECHATPAY, str(said.get("out_trade_no", "")))
        if trade is None:
            raise Failure(404, "RESOURCE_NOT_EXISTS", "订单不存在")
        return trade

    def _check_mchid(self, mchid: object) -> None:
        if mchid != self._keys.accounts.mchid:
            raise Failure(400, "PARAM_ERROR", "mchid 无效")


def _amount(said: Fields, name: str) -> int:
    amount = said.get("amount")
    fen = amount.get(name) if isinstance(amount, dict) else None
    if not isinstance(fen, int) or isinstance(fen, bool) or fen < 1:
        raise Failure(400, "PARAM_ERROR", f"amount.{name} 无效")
    if isinstance(amount, dict) and amount.get("currency", "CNY") != "CNY":
        raise Failure(400, "PARAM_ERROR", "amount.currency 无效")
    return fen


def _problem(failure: Failure) -> Fields:
    return {"code": failure.code, "message": failure.message}


def _parsed(body: bytes) -> Fields:
    try:
        said = json.loads(body or b"{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
