"""A day's bill in each provider's own format, and the short-lived addresses of the files.

Unlike the real ones, a day's bill can be had on the same day: a demo must be able to reconcile.
"""

import csv
import io
import secrets
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timedelta

from practice.provider.book import BEIJING, Book, Provider, Refund, Trade, beijing, to_yuan

Bounds = tuple[float, float]
_ALIPAY_COLUMNS = (
    "支付宝交易号", "商户订单号", "业务类型", "商品名称", "创建时间", "完成时间", "门店编号",
    "门店名称", "操作员", "终端号", "对方账户", "订单金额（元）", "商家实收（元）",
    "支付宝红包（元）", "集分宝（元）", "支付宝优惠（元）", "商家优惠（元）", "券核销金额（元）",
    "券名称", "商家红包消费金额（元）", "卡消费金额（元）", "退款批次号/请求号", "服务费（元）",
    "分润（元）", "备注",
)  # fmt: skip


class BillFiles:
    """Files behind unguessable addresses that expire."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._files: dict[str, tuple[float, bytes]] = {}

    def add(self, content: bytes, seconds: float) -> str:
        now = self._clock()
        self._files = {token: file for token, file in self._files.items() if file[0] > now}
        token = secrets.token_urlsafe(24)
        self._files[token] = (now + seconds, content)
        return token

    def find(self, token: str) -> bytes | None:
        expires_at, content = self._files.get(token, (0.0, b""))
        return content if self._clock() < expires_at else None


def day_bounds(day: str, now: float) -> Bounds | None:
    """Start and end of a day in China, in epoch seconds; None for no day or one to come."""
    try:
        start = datetime.combine(date.fromisoformat(day), datetime.min.time(), BEIJING)
    except ValueError:
        return None
    if start.timestamp() > now:
        return None
    return start.timestamp(), (start + timedelta(days=1)).timestamp()


def alipay_bill(book: Book, seller_id: str, bounds: Bounds, now: float) -> bytes | None:
    """A zip of one GBK file of details between comment lines, as Alipay's "trade" bill; None
    for an empty day."""
    paid = book.paid_between(Provider.ALIPAY, *bounds)
    refunds = book.refunded_between(Provider.ALIPAY, *bounds)
    if not paid and not refunds:
        return None
    received = sum(trade.amount for trade in paid)
    returned = sum(refund.amount for _, refund in refunds)
    rows = [_alipay_row(trade) for trade in paid]
    rows += [_alipay_row(trade, refund) for trade, refund in refunds]
    table = io.StringIO()
    csv.writer(table).writerows([_ALIPAY_COLUMNS, *rows])
    lines = (
        "#支付宝业务明细查询",
        f"#账号：[{seller_id}0156]",
        f"#起始日期：[{_chinese(bounds[0])}]   终止日期：[{_chinese(bounds[1])}]",
        "#-----------------------------------------业务明细列表----------------------------------",
        table.getvalue().rstrip("\r\n"),
        "#-----------------------------------------业务明细列表结束------------------------------",
        f"#交易合计：{len(paid)}笔，商家实收共{to_yuan(received)}元，商家优惠共0.00元",
        f"#退款合计：{len(refunds)}笔，商家实收退款共{to_yuan(-returned)}元，商家优惠退款共0.00元",
        f"#导出时间：[{_chinese(now)}]",
    )
    day = datetime.fromtimestamp(bounds[0], BEIJING).strftime("%Y%m%d")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        # Real files are GBK, which has no sign for everything a goods' name may hold.
        text = "\r\n".join(lines) + "\r\n"
        archive.writestr(f"{seller_id}0156_{day}_业务明细.csv", text.encode("gbk", "replace"))
    return packed.getvalue()


def _alipay_row(trade: Trade, refund: Refund | None = None) -> tuple[str, ...]:
    # A tab after each number keeps spreadsheets from rounding it: the real files have it.
    amount = -refund.amount if refund else trade.amount
    done_at = (refund.done_at if refund else trade.paid_at) or trade.created_at
    return (
        f"{trade.trade_no}\t", f"{trade.out_trade_no}\t", "退款" if refund else "交易",
        trade.subject, beijing(trade.created_at), beijing(done_at), "", "", "", "",
        "*践(pra***@example.com)", to_yuan(amount), to_yuan(amount), "0.00", "0.00", "0.00",
        "0.00", "0.00", "", "0.00", "0.00", f"{refund.refund_no}\t" if refund else "", "0.00",
        "0.00", refund.reason if refund else "",
    )  # fmt: skip


def _chinese(at: float) -> str:
    return datetime.fromtimestamp(at, BEIJING).strftime("%Y年%m月%d日 %H:%M:%S")
