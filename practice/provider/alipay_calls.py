"""What each of Alipay's calls does to the book, and the fields it answers with."""

import json
from collections.abc import Callable
from typing import Any

from practice.provider import alipay_wire as wire
from practice.provider.alipay_wire import BadRequest, Fields, business_failed, success
from practice.provider.bills import BillFiles, alipay_bill, day_bounds
from practice.provider.book import (
    Offer,
    Provider,
    RefundStatus,
    Scene,
    Trade,
    TradeStatus,
    beijing,
    to_yuan,
)
from practice.provider.trading import Refused, Trading, Why

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
    Why.NOT_ENOUGH: ("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足"),
    Why.TOO_MANY: ("ACQ.REFUND_CHARGE_ERROR", "退款次数超限"),
}
Parameters = dict[str, str]
Call = Callable[[Parameters, str], Fields]


def content_of(parameters: Parameters) -> dict[str, Any]:
    """`biz_content`: what the call is about; empty if it is no JSON object."""
    try:
        content = json.loads(parameters.get("biz_content", "{}"))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def refused_offer(refusal: Refused) -> tuple[str, str]:
    """Code and text of a charge that was not taken in."""
    return _CREATE[refusal.why]


class AlipayCalls:
    """Each call takes the request's parameters and our own base address. Raises BadRequest."""

    def __init__(self, seller_id: str, trading: Trading, bill_files: BillFiles) -> None:
        self._seller_id = seller_id
        self._trading = trading
        self._bill_files = bill_files

    def named(self, method: str) -> Call | None:
        calls: dict[str, Call] = {
            "alipay.trade.precreate": self.precreate,
            "alipay.trade.query": self.query,
            "alipay.trade.close": self.close,
            "alipay.trade.refund": self.refund,
            "alipay.trade.fastpay.refund.query": self.query_refund,
            "alipay.data.dataservice.bill.downloadurl.query": self.bill,
        }
        return calls.get(method)

    def offer(self, parameters: Parameters, scene: Scene) -> Offer:
        """What the merchant asks to be paid."""
        content = content_of(parameters)
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
            expires_at=wire.expiry(content, self._trading.clock()),
            attach=str(content.get("passback_params") or "")[:512],
            body=str(content.get("body") or "")[:400],
        )

    def precreate(self, parameters: Parameters, base: str) -> Fields:
        try:
            trade = self._trading.offer(self.offer(parameters, Scene.QR), TradeStatus.OFFERED)
        except Refused as refusal:
            return business_failed(*refused_offer(refusal))
        qr_code = f"{base}/cashier/{trade.code}"
        return success(out_trade_no=trade.out_trade_no, qr_code=qr_code)

    def query(self, parameters: Parameters, _base: str) -> Fields:
        trade = self._opened(content_of(parameters))
        return success(**wire.trade_fields(trade)) if trade else business_failed(*_NOT_EXIST)

    def close(self, parameters: Parameters, _base: str) -> Fields:
        trade = self._named(content_of(parameters))
        if trade is None:
            return business_failed(*_NOT_EXIST)
        try:
            closed = self._trading.close(trade)
        except Refused as refusal:
            return business_failed(*_CLOSE.get(refusal.why, _NOT_EXIST))
        return success(out_trade_no=closed.out_trade_no, trade_no=closed.trade_no)

    def refund(self, parameters: Parameters, _base: str) -> Fields:
        content = content_of(parameters)
        trade = self._opened(content)
        if trade is None:
            return business_failed(*_NOT_EXIST)
        amount = wire.to_fen(content.get("refund_amount"))
        # Without a number of its own a refund is the trade's one full refund.
        refund_no = str(content.get("out_request_no") or trade.out_trade_no)
        reason = str(content.get("refund_reason", ""))
        try:
            refund, fresh = self._trading.refund(
                trade, refund_no, amount, reason=reason, notify_url=""
            )
        except Refused as refusal:
            return business_failed(*_REFUND[refusal.why])
        # Alipay's refunds are done when they are answered; WeChat Pay's take a while.
        refund = self._trading.settle(refund, RefundStatus.SUCCESS)
        trade = self._trading.book.by_id(refund.trade_id)
        return success(
            buyer_logon_id="pra***@example.com",
            buyer_user_id=trade.buyer,
            # A repeat is no failure: it only says that this call moved nothing.
            fund_change="Y" if fresh else "N",
            gmt_refund_pay=beijing(refund.done_at or refund.requested_at),
            out_trade_no=trade.out_trade_no,
            refund_fee=to_yuan(trade.refunded),
            send_back_fee=to_yuan(refund.amount if fresh else 0),
            trade_no=trade.trade_no,
        )

    def query_refund(self, parameters: Parameters, _base: str) -> Fields:
        content = content_of(parameters)
        trade = self._opened(content)
        if trade is None:
            return business_failed(*_NOT_EXIST)
        wanted = str(content.get("out_request_no", ""))
        for refund in self._trading.book.refunds_of(trade):
            if refund.refund_no == wanted and refund.status == RefundStatus.SUCCESS:
                return success(**wire.refund_fields(trade, refund))
        # A refund nobody asked for is no error here: the answer only lacks its fields.
        return success()

    def bill(self, parameters: Parameters, base: str) -> Fields:
        content, now = content_of(parameters), self._trading.clock()
        bounds = day_bounds(str(content.get("bill_date", "")), now)
        if content.get("bill_type") not in ("trade", "signcustomer"):
            raise BadRequest("bill_type")
        file = bounds and alipay_bill(self._trading.book, self._seller_id, bounds, now)
        if not file:
            return business_failed("isp.bill_not_exist", "账单不存在")
        token = self._bill_files.add(file, BILL_ADDRESS_SECONDS)
        return success(bill_download_url=f"{base}/alipay/bills/{token}")

    def _named(self, content: Fields) -> Trade | None:
        book = self._trading.book
        if out_trade_no := content.get("out_trade_no"):
            return book.trade(Provider.ALIPAY, str(out_trade_no))
        return book.by_trade_no(Provider.ALIPAY, str(content.get("trade_no", "")))

    def _opened(self, content: Fields) -> Trade | None:
        # To Alipay a trade exists from the moment the buyer opens it, not from the call.
        trade = self._named(content)
        return trade if trade and trade.status != TradeStatus.OFFERED else None
