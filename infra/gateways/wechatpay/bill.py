"""WeChat Pay's bill of trades: text whose every value carries a backtick before it.

It is a merchant number's and not an application's, so it lists other applications' trades as well,
and those of a till. Titles differ between the years.
"""

from collections.abc import Iterator

from domain.bill import Bill, BilledRefund, BillLine
from domain.payment import FlowKind, order_id_of_payment
from infra.gateways.bill_rows import Cells, NotOurs, UnknownRow, meanings, read_rows
from infra.gateways.wire import shanghai_time, yuan

_SUMMARY = "总交易单数"
_NUMBER = "商户订单号"
_NEEDED = {"交易时间", "微信订单号", _NUMBER, "交易状态"}
# The newest name first; until 2018 there was one column, without the coupon's share beside it.
_PAID_AMOUNT = ("订单金额", "总金额", "应结订单金额")
_REFUND_AMOUNT = ("申请退款金额", "退款金额")
_FREE_TEXT = ("商品名称", "商户数据包", "费率备注")
_OURS = "NATIVE"
# v3 says the first three, v2 said the others. NOTSURE and CHANGE: asked for, and in a person's
# hands at WeChat Pay; a bank card that was closed, for one.
_REFUND_STATES = {
    "": BilledRefund.DONE,
    "SUCCESS": BilledRefund.DONE,
    "PROCESSING": BilledRefund.ASKED,
    "FAIL": BilledRefund.FAILED,
    "NOTSURE": BilledRefund.ASKED,
    "CHANGE": BilledRefund.FAILED,
    "CLOSED": BilledRefund.FAILED,
    "ABNORMAL": BilledRefund.FAILED,
    "REFUNDCLOSE": BilledRefund.FAILED,
}


def read_bill(content: bytes, appid: str) -> Bill:
    """`appid`: whose rows are ours. Raises ValueError for what is no bill of trades."""
    # Not splitlines(): a name of goods may hold what Unicode counts as a line's end.
    rows = [row.rstrip("\r") for row in content.decode("utf-8-sig").split("\n")]
    titles = [title.strip().removeprefix("`") for title in rows[0].split(",")]
    amounts = {*_PAID_AMOUNT, *_REFUND_AMOUNT}
    if not set(titles) >= _NEEDED or not amounts & set(titles):
        raise ValueError("not a bill of trades")
    read = (
        (number, meanings(titles, cells, ",`", _FREE_TEXT))
        for number, cells in _details(rows, len(titles))
    )
    return read_rows(read, lambda cells: _line(cells, appid), _NUMBER)


def _details(rows: list[str], width: int) -> Iterator[tuple[int, list[str]]]:
    """Each with its number in the file. A row that a name with a line's end in it broke in two is
    put together again."""
    begun = ""
    for number, row in enumerate(rows[1:], start=2):
        if not begun and row.startswith(_SUMMARY):
            return
        whole = f"{begun} {row}" if begun and not row.startswith("`") else row
        following = rows[number] if number < len(rows) else ""
        goes_on = following and not following.startswith(("`", _SUMMARY))
        begun = whole if goes_on and len(_cells(whole)) < width else ""
        if whole and not begun:
            yield number, _cells(whole)


def _cells(row: str) -> list[str]:
    # Nothing is quoted, and names of goods may hold commas: the backtick begins each value.
    return row[1:].split(",`") if row.startswith("`") else row.split(",")


def _line(cells: Cells, appid: str) -> BillLine:
    state, number = cells["交易状态"], cells[_NUMBER]
    if cells.get("公众账号ID", "") not in ("", appid):
        raise NotOurs
    # A till's trades have its numbers; one with a number of ours is looked at, whatever its kind.
    at_a_till = state == "REVOKED" or cells.get("交易类型", _OURS) != _OURS
    if at_a_till and order_id_of_payment(number) is None:
        raise NotOurs
    if state not in ("SUCCESS", "REFUND", "REVOKED"):
        raise UnknownRow("an unknown state of the trade")
    if cells.get("货币种类", "") not in ("", "CNY"):
        raise UnknownRow("another currency than CNY")
    received = state == "SUCCESS"
    said = cells.get("退款状态", "")
    if not received and said not in _REFUND_STATES:
        raise UnknownRow("an unknown state of the refund")
    amounts = _PAID_AMOUNT if received else _REFUND_AMOUNT
    amount = next((cells[title] for title in amounts if title in cells), None)
    if amount is None:
        raise UnknownRow("no amount")
    # A till takes a whole payment back, without a number for that.
    refund_id = cells.get("商户退款单号", "") if state == "REFUND" else ""
    return BillLine(
        kind=FlowKind.RECEIVED if received else FlowKind.REFUNDED,
        payment_id=number,
        trade_no=cells["微信订单号"],
        refund_id=refund_id if refund_id not in ("", "0") else None,
        amount=yuan(amount),
        at=shanghai_time(cells["交易时间"]),
        refund_state=BilledRefund.DONE if received else _REFUND_STATES[said],
    )
