"""WeChat Pay's bill of trades: all that moved in a day, payments alone, or refunds alone."""

from enum import StrEnum

from practice.provider.bills import Bounds
from practice.provider.book import Book, Provider, Refund, RefundStatus, Trade, beijing, to_yuan

_TRADE = (
    "交易时间", "公众账号ID", "商户号", "特约商户号", "设备号", "微信订单号", "商户订单号",
    "用户标识", "交易类型", "交易状态", "付款银行", "货币种类", "应结订单金额", "代金券金额",
)  # fmt: skip
_REFUND_TIMES = ("退款申请时间", "退款成功时间")
_REFUND = (
    "微信退款单号", "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态",
)  # fmt: skip
_GOODS = ("商品名称", "商户数据包", "手续费", "费率", "订单金额")
_TOTALS = (
    "总交易单数", "应结订单总金额", "退款总金额", "充值券退款总金额", "手续费总金额",
    "订单总金额", "申请退款总金额",
)  # fmt: skip
# The bill knows three states, its calls have four.
_STATES = {RefundStatus.ABNORMAL: "FAIL", RefundStatus.CLOSED: "FAIL"}


class BillType(StrEnum):
    ALL = "ALL"
    SUCCESS = "SUCCESS"
    REFUND = "REFUND"

    @property
    def columns(self) -> tuple[str, ...]:
        if self is BillType.SUCCESS:
            return (*_TRADE, *_GOODS, "费率备注")
        times = _REFUND_TIMES if self is BillType.REFUND else ()
        return (*_TRADE, *times, *_REFUND, *_GOODS, "申请退款金额", "费率备注")


def wechatpay_bill(
    book: Book, appid: str, mchid: str, bounds: Bounds, kind: BillType = BillType.ALL
) -> bytes | None:
    """UTF-8 with a backtick before each value and a line of totals; None for an empty day.

    A refund is of the day on which it was asked for, whether it has ended by now or not.
    """
    paid = book.paid_between(Provider.WECHATPAY, *bounds)
    refunds = book.refunds_asked_between(Provider.WECHATPAY, *bounds)
    if kind is BillType.SUCCESS:
        refunds = []
    if kind is BillType.REFUND:
        paid = []
    if not paid and not refunds:
        return None
    lines = [_payment(trade) for trade in paid]
    lines += [_payment(trade) | _refund(refund) for trade, refund in refunds]
    ours = {"公众账号ID": appid, "商户号": mchid, "特约商户号": "0"}
    rows = [[(line | ours).get(column, "") for column in kind.columns] for line in lines]
    received = to_yuan(sum(trade.amount for trade in paid))
    returned = to_yuan(sum(refund.amount for _, refund in refunds))
    totals = [str(len(rows)), received, returned, "0.00", "0.00000", received, returned]
    text = [",".join(kind.columns), *map(_ticked, rows), ",".join(_TOTALS), _ticked(totals)]
    return ("\ufeff" + "\r\n".join(text) + "\r\n").encode()


def _payment(trade: Trade) -> dict[str, str]:
    total = to_yuan(trade.amount)
    return {
        "交易时间": beijing(trade.paid_at or trade.created_at),
        "微信订单号": trade.trade_no,
        "商户订单号": trade.out_trade_no,
        "用户标识": f"o{trade.buyer}",
        "交易类型": "NATIVE",
        "交易状态": "SUCCESS",
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "应结订单金额": total,
        "代金券金额": "0.00",
        "微信退款单号": "0",
        "商户退款单号": "0",
        "退款金额": "0.00",
        "充值券退款金额": "0.00",
        "商品名称": trade.subject,
        "商户数据包": trade.attach,
        "手续费": "0.00000",
        "费率": "0.60%",
        "订单金额": total,
        "申请退款金额": "0.00",
    }


def _refund(refund: Refund) -> dict[str, str]:
    """What a refund's line says in the place of its payment's."""
    status, returned = RefundStatus(refund.status), to_yuan(refund.amount)
    done = status is RefundStatus.SUCCESS and refund.done_at
    return {
        "交易时间": beijing(refund.requested_at),
        "交易状态": "REFUND",
        "应结订单金额": "0.00",
        "退款申请时间": beijing(refund.requested_at),
        "退款成功时间": beijing(refund.done_at or 0) if done else "",
        "微信退款单号": refund.provider_refund_no,
        "商户退款单号": refund.refund_no,
        "退款金额": returned,
        "退款类型": "ORIGINAL",
        "退款状态": _STATES.get(status, status.upper()),
        "订单金额": "0.00",
        "申请退款金额": returned,
    }


def _ticked(row: list[str]) -> str:
    # Nothing is quoted, goods' names may hold commas: the backtick is what parts the values.
    return ",".join("`" + " ".join(value.split()) for value in row)
