"""Alipay's gateway: one address, the call named by `method`."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from practice.provider import alipay_wire as wire
from practice.provider.alipay_wire import BadRequest, Fields, business_failed, invalid, success
from practice.provider.bills import BillShelf, alipay_bill, day_bounds
from practice.provider.book import (
    Offer,
    Provider,
    Refund,
    RefundStatus,
    Scene,
    Trade,
    TradeStatus,
    beijing,
    to_yuan,
)
from practice.provider.calls import answered
from practice.provider.cashier import Cashier, error_page
from practice.provider.keys import Keys
from practice.provider.trading import Refused, Till, Why

PAGE_PAY = "alipay.trade.page.pay"
BILL_ADDRESS_SECONDS = 30
_NOT_EXIST = ("ACQ.TRADE_NOT_EXIST", "交易不存在")
_CREATE = {
    Why.DIFFERS: ("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改"),
    Why.PAID: ("ACQ.TRADE_HAS_SUCCESS", "交易已被支付"),
    Why.CLOSED: ("ACQ.TRADE_HAS_CLOSE", "交易已经关闭"),
}
_CLOSE = {
    Why.PAID: ("ACQ.REASON_TRADE_STATUS_INVALID", "交易状态不合法"),
    Why.CLOSED: ("ACQ.TRADE_STATUS_ERROR", "交易状态不合法"),
}
_REFUND = {
    Why.DIFFERS: ("ACQ.DISCORDANT_REPEAT_REQUEST", "请求信息不一致"),
    Why.NOT_PAID: ("ACQ.TRADE_STATUS_ERROR", "交易状态不合法"),
    Why.CLOSED: ("ACQ.TRADE_HAS_CLOSE", "交易已经关闭"),
    Why.FINISHED: ("ACQ.TRADE_HAS_FINISHED", "交易已完结"),
    Why.REFUNDED: ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限"),
    Why.TOO_MUCH: ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限"),
    Why.TOO_MANY: ("ACQ.REFUND_CHARGE_ERROR", "退款次数超限"),
}
Parameters = dict[str, str]


class Alipay:
    def __init__(self, keys: Keys, till: Till, cashier: Cashier, shelf: BillShelf) -> None:
        self._keys = keys
        self._till = till
        self._cashier = cashier
        self._shelf = shelf
        self._calls: dict[str, Callable[[Parameters, Fields, str], Fields]] = {
            "alipay.trade.precreate": self._precreate,
            "alipay.trade.query": self._query,
            "alipay.trade.close": self._close,
            "alipay.trade.refund": self._refund,
            "alipay.trade.fastpay.refund.query": self._query_refund,
            "alipay.data.dataservice.bill.downloadurl.query": self._bill,
        }

    async def gateway(self, request: Request) -> Response:
        parameters = _parsed(request.url.query) | _parsed((await request.body()).decode())
        base = str(request.base_url).rstrip("/")
        self._till.pass_time()
        if parameters.get("method") == PAGE_PAY:
            return self._page(parameters, base)
        named = _content(parameters).get("out_trade_no", "")
        return await answered(
            request, self._till.controls, str(named), lambda: self._answer(parameters, base)
        )

    async def bill_file(self, request: Request) -> Response:
        content = self._shelf.take(request.path_params["token"])
        if content is None:
            return Response("expired", 403)
        return Response(content, media_type="application/zip")

    def open_page(self, url: str) -> Trade:
        """What the buyer's browser does with the merchant's redirect. Raises BadRequest, or
        Refused if the charge contradicts an earlier one of this number."""
        return self._opened(_parsed(urlsplit(url).query))

    def _page(self, parameters: Parameters, base: str) -> Response:
        try:
            return self._cashier.page(self._opened(parameters), base)
        except BadRequest as error:
            return HTMLResponse(error_page(f"无法打开收银台:{error}"), 400)
        except Refused as refusal:
            return HTMLResponse(error_page(_CREATE[refusal.why][1]), 400)

    def _opened(self, parameters: Parameters) -> Trade:
        if fault := self._fault(parameters):
            raise BadRequest(str(fault["sub_msg"]))
        offer = self._offer(parameters, _content(parameters), Scene.PAGE)
        try:
            trade = self._till.offer(offer, TradeStatus.WAITING)
        except Refused as refusal:
            standing = self._till.book.trade(Provider.ALIPAY, offer.out_trade_no)
            if standing is None or refusal.why is Why.DIFFERS:
                raise
            return standing
        return self._till.book.show(trade)

    def _answer(self, parameters: Parameters, base: str) -> Response:
        method = parameters.get("method", "")
        call = self._calls.get(method)
        fault = self._fault(parameters)
        if call is None:
            method, node = "", fault or invalid("isv.invalid-method", "不存在的方法名")
        else:
            node = fault or self._done(call, parameters, base)
        text = wire.response(method, node, self._keys.alipay_provider)
        return Response(text, media_type="text/html;charset=utf-8")

    def _fault(self, parameters: Parameters) -> Fields | None:
        if parameters.get("app_id") != self._keys.accounts.app_id:
            return invalid("isv.invalid-app-id", "无效的AppID参数")
        right = parameters.get("sign_type") == "RSA2" and wire.is_signed(
            parameters, self._keys.alipay_app
        )
        return None if right else invalid("isv.invalid-signature", "验签出错")

    def _done(
        self, call: Callable[[Parameters, Fields, str], Fields], parameters: Parameters, base: str
    ) -> Fields:
        try:
            return call(parameters, _content(parameters), base)
        except BadRequest as error:
            return business_failed("ACQ.INVALID_PARAMETER", f"参数无效:{error}")

    def _precreate(self, parameters: Parameters, content: Fields, base: str) -> Fields:
        offer = self._offer(parameters, content, Scene.QR)
        try:
            trade = self._till.offer(offer, TradeStatus.OFFERED)
        except Refused as refusal:
            return business_failed(*_CREATE[refusal.why])
        qr_code = f"{base}/cashier/{trade.code}"
        return success(out_trade_no=trade.out_trade_no, qr_code=qr_code)

    def _query(self, _parameters: Parameters, content: Fields, _base: str) -> Fields:
        trade = self._known(content)
        return success(**wire.trade_fields(trade)) if trade else business_failed(*_NOT_EXIST)

    def _close(self, _parameters: Parameters, content: Fields, _base: str) -> Fields:
        trade = self._named(content)
        if trade is None:
            return business_failed(*_NOT_EXIST)
        try:
            closed = self._till.close(trade)
        except Refused as refusal:
            return business_failed(*_CLOSE.get(refusal.why, _NOT_EXIST))
        return success(out_trade_no=closed.out_trade_no, trade_no=closed.trade_no)

    def _refund(self, _parameters: Parameters, content: Fields, _base: str) -> Fields:
        trade = self._known(content)
        if trade is None:
            return business_failed(*_NOT_EXIST)
        amount = wire.to_fen(content.get("refund_amount"))
        # Without a number of its own a refund is the trade's one full refund.
        refund_no = str(content.get("out_request_no") or trade.out_trade_no)
        reason = str(content.get("refund_reason", ""))
        try:
            refund, fresh = self._till.refund(
                trade, refund_no, amount, reason=reason, notify_url=""
            )
        except Refused as refusal:
            return business_failed(*_REFUND[refusal.why])
        return self._refunded(self._till.settle(refund, RefundStatus.SUCCESS), fresh)

    def _refunded(self, refund: Refund, fresh: bool) -> Fields:
        trade = self._till.book.by_id(refund.trade_id)
        return success(
            buyer_logon_id="pra***@sandbox.com",
            buyer_user_id=trade.buyer,
            fund_change="Y" if fresh else "N",
            gmt_refund_pay=beijing(refund.done_at or refund.requested_at),
            out_trade_no=trade.out_trade_no,
            refund_fee=to_yuan(trade.refunded),
            send_back_fee=to_yuan(refund.amount if fresh else 0),
            trade_no=trade.trade_no,
        )

    def _query_refund(self, _parameters: Parameters, content: Fields, _base: str) -> Fields:
        trade = self._known(content)
        if trade is None:
            return business_failed(*_NOT_EXIST)
        wanted = str(content.get("out_request_no", ""))
        for refund in self._till.book.refunds_of(trade):
            if refund.refund_no == wanted and refund.status == RefundStatus.SUCCESS:
                return success(**_refund_fields(trade, refund))
        # A refund nobody asked for is no error here: the answer only lacks its fields.
        return success()

    def _bill(self, _parameters: Parameters, content: Fields, base: str) -> Fields:
        now = self._till.clock()
        bounds = day_bounds(str(content.get("bill_date", "")), now)
        if content.get("bill_type") not in ("trade", "signcustomer"):
            raise BadRequest("bill_type")
        seller_id = self._keys.accounts.seller_id
        file = bounds and alipay_bill(self._till.book, seller_id, bounds, now)
        if not file:
            return business_failed("isp.bill_not_exist", "账单不存在")
        token = self._shelf.put(file, BILL_ADDRESS_SECONDS)
        return success(bill_download_url=f"{base}/alipay/bills/{token}")

    def _offer(self, parameters: Parameters, content: Fields, scene: Scene) -> Offer:
        out_trade_no, subject = content.get("out_trade_no"), content.get("subject")
        if not out_trade_no or not subject:
            raise BadRequest("out_trade_no, subject")
        return Offer(
            provider=Provider.ALIPAY,
            out_trade_no=str(out_trade_no)[:64],
            scene=scene,
            subject=str(subject)[:256],
            amount=wire.to_fen(content.get("total_amount")),
            notify_url=parameters.get("notify_url", ""),
            return_url=parameters.get("return_url", ""),
            expires_at=wire.expiry(content, self._till.clock()),
        )

    def _named(self, content: Fields) -> Trade | None:
        book = self._till.book
        if out_trade_no := content.get("out_trade_no"):
            return book.trade(Provider.ALIPAY, str(out_trade_no))
        return book.by_trade_no(Provider.ALIPAY, str(content.get("trade_no", "")))

    def _known(self, content: Fields) -> Trade | None:
        trade = self._named(content)
        return trade if trade and trade.status != TradeStatus.OFFERED else None


def _refund_fields(trade: Trade, refund: Refund) -> Fields:
    return {
        "gmt_refund_pay": beijing(refund.done_at or refund.requested_at),
        "out_request_no": refund.refund_no,
        "out_trade_no": trade.out_trade_no,
        "refund_amount": to_yuan(refund.amount),
        "refund_status": "REFUND_SUCCESS",
        "total_amount": to_yuan(trade.amount),
        "trade_no": trade.trade_no,
    }


def _parsed(text: str) -> Parameters:
    return dict(parse_qsl(text, keep_blank_values=True))


def _content(parameters: Parameters) -> dict[str, Any]:
    try:
        content = json.loads(parameters.get("biz_content", "{}"))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
