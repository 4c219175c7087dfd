"""What each of WeChat Pay's calls does to the book, and the fields it answers with."""

import gzip
import hashlib
import re
from collections import deque

from practice.provider import wechatpay_wire as wire
from practice.provider.bills import BillFiles, day_bounds
from practice.provider.book import PAYABLE, Offer, Provider, RefundStatus, Scene, Trade, TradeStatus
from practice.provider.keys import Accounts
from practice.provider.trading import Refused, Trading, Why
from practice.provider.wechatpay_bill import BillType, wechatpay_bill
from practice.provider.wechatpay_wire import Failure, Fields

OUT_TRADE_NO = re.compile(r"[0-9A-Za-z_\-*]{6,32}")
# `time_expire` is the last moment to pay, at least a minute ahead; without one it is two hours.
DEFAULT_EXPIRY_SECONDS = 2 * 3600
SHORTEST_TO_PAY = 60
BILL_ADDRESS_SECONDS = 300
# Limits of the refund call, from its documentation.
REFUND_CALLS_PER_SECOND = 150
SECONDS_BETWEEN_REFUNDS = 60
_NOT_EXIST = Failure(404, "ORDER_NOT_EXIST", "订单不存在")
_NO_REFUND = Failure(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
_TOO_OFTEN = Failure(429, "FREQUENCY_LIMITED", "频率限制")
# An answer of success by its status, and yet nothing was closed.
_USER_PAYING = Failure(202, "USER_PAYING", "用户支付中，需要输入密码")
_REFUSALS = {
    Why.DIFFERS: Failure(400, "INVALID_REQUEST", "与之前的请求参数不一致"),
    Why.PAID: Failure(400, "ORDERPAID", "订单已支付"),
    Why.CLOSED: Failure(400, "ORDER_CLOSED", "订单已关闭"),
    Why.NOT_PAID: Failure(400, "INVALID_REQUEST", "订单未支付,不可退款"),
    Why.REFUNDED: Failure(400, "INVALID_REQUEST", "订单已全额退款"),
    Why.TOO_MUCH: Failure(400, "INVALID_REQUEST", "退款金额大于可退金额"),
    Why.NOT_ENOUGH: Failure(403, "NOT_ENOUGH", "基本账户余额不足"),
    Why.TOO_MANY: Failure(400, "INVALID_REQUEST", "部分退款次数超过50次"),
}


def refusal_as_failure(refusal: Refused) -> Failure:
    return _REFUSALS[refusal.why]


class WechatPayCalls:
    """Each call takes the request's JSON or parameters and answers with a status and a body.
    Raises Failure, or Refused (see `refusal_as_failure`). `pace_scale` shortens the pause
    between two refunds of one order."""

    def __init__(
        self, accounts: Accounts, trading: Trading, bill_files: BillFiles, *, pace_scale: float
    ) -> None:
        self._accounts = accounts
        self._trading = trading
        self._bill_files = bill_files
        self._pace_scale = pace_scale
        self._refund_calls: deque[float] = deque(maxlen=REFUND_CALLS_PER_SECOND)

    def create(self, body: Fields, base: str) -> tuple[int, Fields]:
        self._check_mchid(body.get("mchid"))
        if body.get("appid") != self._accounts.appid:
            raise Failure(400, "APPID_MCHID_NOT_MATCH", "AppID和mch_id不匹配")
        trade = self._trading.offer(self._offer(body), TradeStatus.WAITING)
        return 200, {"code_url": f"{base}/cashier/{trade.code}"}

    def query(self, out_trade_no: str, mchid: object) -> tuple[int, Fields]:
        self._check_mchid(mchid)
        trade = self._trade(out_trade_no)
        refunds = self._trading.book.refunds_of(trade)
        refunding = any(refund.status != RefundStatus.CLOSED for refund in refunds)
        return 200, wire.transaction(trade, self._accounts, refunding=refunding)

    def query_by_number(self, transaction_id: str, mchid: object) -> tuple[int, Fields]:
        """The same, by WeChat Pay's own number, which only a paid trade has."""
        trade = self._trading.book.by_trade_no(Provider.WECHATPAY, transaction_id)
        if trade is None or trade.paid_at is None:
            raise _NOT_EXIST
        return self.query(trade.out_trade_no, mchid)

    def close(self, out_trade_no: str, mchid: object) -> tuple[int, None]:
        self._check_mchid(mchid)
        trade = self._trade(out_trade_no)
        controls = self._trading.controls
        if trade.status in PAYABLE and controls.happens(controls.of(out_trade_no).user_paying):
            raise _USER_PAYING
        self._trading.close(trade)
        return 204, None

    def refund(self, body: Fields) -> tuple[int, Fields]:
        """Takes the refund in. Accepted is not done: the merchant is told when it is."""
        now = self._trading.clock()
        if len(self._refund_calls) == REFUND_CALLS_PER_SECOND and now - self._refund_calls[0] < 1:
            raise _TOO_OFTEN
        self._refund_calls.append(now)
        number, amount = str(body.get("out_refund_no", "")), _amount(body, "refund")
        if not 1 <= len(number) <= 64:
            raise Failure(400, "PARAM_ERROR", "out_refund_no 无效")
        trade = self._paid_trade(body)
        if _amount(body, "total") != trade.amount:
            raise Failure(400, "INVALID_REQUEST", "订单金额与支付时不一致")
        self._check_pace(trade, number, now)
        refund, _ = self._trading.refund(
            trade, number, amount, reason=str(body.get("reason", "")),
            notify_url=str(body.get("notify_url", "")),
        )  # fmt: skip
        return 200, wire.refund_view(refund, trade)

    def query_refund(self, out_refund_no: str) -> tuple[int, Fields]:
        refunds = self._trading.book.refunds_numbered(Provider.WECHATPAY, out_refund_no)
        trade = self.trade_of_refund(out_refund_no)
        if trade is None:
            raise _NO_REFUND
        return 200, wire.refund_view(refunds[0], trade)

    def bill(self, asked: dict[str, str], base: str) -> tuple[int, Fields]:
        bounds = day_bounds(asked.get("bill_date", ""), self._trading.clock())
        kind = asked.get("bill_type", "ALL")
        if bounds is None or kind not in list(BillType):
            raise Failure(400, "PARAM_ERROR", "bill_date 或 bill_type 无效")
        accounts, book = self._accounts, self._trading.book
        file = wechatpay_bill(book, accounts.appid, accounts.mchid, bounds, BillType(kind))
        if file is None:
            raise Failure(400, "NO_STATEMENT_EXIST", "账单文件不存在")
        # The hash is of the plain file, also when it is sent packed.
        sent = gzip.compress(file) if asked.get("tar_type") == "GZIP" else file
        token = self._bill_files.add(sent, BILL_ADDRESS_SECONDS)
        # At the root, where SDKs look for it: some exempt exactly this path from verifying.
        return 200, {
            "hash_type": "SHA1",
            "hash_value": hashlib.sha1(file, usedforsecurity=False).hexdigest(),
            "download_url": f"{base}/v3/billdownload/file?token={token}",
        }

    def trade_of_refund(self, out_refund_no: str) -> Trade | None:
        refunds = self._trading.book.refunds_numbered(Provider.WECHATPAY, out_refund_no)
        return self._trading.book.by_id(refunds[0].trade_id) if refunds else None

    def _offer(self, body: Fields) -> Offer:
        number, subject = str(body.get("out_trade_no", "")), str(body.get("description", ""))
        notify_url = str(body.get("notify_url", ""))
        amount = _amount(body, "total")
        if not OUT_TRADE_NO.fullmatch(number) or not subject or not notify_url.startswith("http"):
            raise Failure(400, "PARAM_ERROR", "out_trade_no, description 或 notify_url 无效")
        now = self._trading.clock()
        expires = body.get("time_expire")
        expires_at = wire.from_rfc3339(expires) if expires else now + DEFAULT_EXPIRY_SECONDS
        if expires_at < now + SHORTEST_TO_PAY:
            raise Failure(400, "PARAM_ERROR", "time_expire 距当前时间不足一分钟")
        return Offer(
            provider=Provider.WECHATPAY, out_trade_no=number, scene=Scene.QR,
            subject=subject[:127], amount=amount, notify_url=notify_url, return_url="",
            expires_at=expires_at, attach=str(body.get("attach") or "")[:128],
        )  # fmt: skip

    def _trade(self, out_trade_no: str) -> Trade:
        trade = self._trading.book.trade(Provider.WECHATPAY, out_trade_no)
        if trade is None:
            raise _NOT_EXIST
        return trade

    def _paid_trade(self, body: Fields) -> Trade:
        """The trade a refund names, by WeChat Pay's number or by the merchant's."""
        book = self._trading.book
        if transaction_id := body.get("transaction_id"):
            trade = book.by_trade_no(Provider.WECHATPAY, str(transaction_id))
        else:
            trade = book.trade(Provider.WECHATPAY, str(body.get("out_trade_no", "")))
        if trade is None:
            raise Failure(404, "RESOURCE_NOT_EXISTS", "订单不存在")
        return trade

    def _check_pace(self, trade: Trade, refund_no: str, now: float) -> None:
        """One new refund a minute per order; a repeat of a number is always heard. A number
        used for another order is refused."""
        standing = self._trading.book.refunds_numbered(Provider.WECHATPAY, refund_no)
        if any(refund.trade_id != trade.id for refund in standing):
            raise _REFUSALS[Why.DIFFERS]
        earlier = self._trading.book.refunds_of(trade)
        pause = SECONDS_BETWEEN_REFUNDS * self._pace_scale
        if earlier and not standing and now - earlier[-1].requested_at < pause:
            raise _TOO_OFTEN

    def _check_mchid(self, mchid: object) -> None:
        if mchid != self._accounts.mchid:
            raise Failure(400, "PARAM_ERROR", "mchid 无效")


def _amount(body: Fields, name: str) -> int:
    amount = body.get("amount")
    fen = amount.get(name) if isinstance(amount, dict) else None
    # Python takes true for 1; an amount that is true is none.
    if not isinstance(fen, int) or isinstance(fen, bool) or fen < 1:
        raise Failure(400, "PARAM_ERROR", f"amount.{name} 无效")
    if isinstance(amount, dict) and amount.get("currency", "CNY") != "CNY":
        raise Failure(400, "PARAM_ERROR", "amount.currency 无效")
    return fen
