"""Alipay's bill of trades: a zip of GBK tables, whose columns are found by their titles."""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator

from domain.bill import Bill, BillLine
from domain.payment import FlowKind, order_id_of_payment
from infra.gateways.bill_rows import Cells, NotOurs, UnknownRow, meanings, read_rows
from infra.gateways.wire import shanghai_time, yuan

_KINDS = {"交易": FlowKind.RECEIVED, "退款": FlowKind.REFUNDED}
_NUMBER = "商户订单号"
_TITLES = {_NUMBER, "业务类型"}
_NEEDED = {"支付宝交易号", "订单金额", "完成时间"}
_REFUND_NUMBER = ("退款批次号/请求号", "退款请求号", "退款批次号")
_FREE_TEXT = ("商品名称", "备注", "门店名称", "操作员", "对方账户", "券名称")
_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", re.ASCII)
# A trade's number begins each row, a number sign each remark.
_BEGINNING = re.compile(r'"?[0-9]+\s*"?\s*,|#')

# A row's number in its table, and its cells.
Row = tuple[int, list[str]]


def read_bill(content: bytes) -> Bill:
    """Raises ValueError for what is no bill of trades."""
    try:
        tables = [rows for table in _tables(content) if (rows := list(_rows(table)))]
    except (zipfile.BadZipFile, zlib.error) as error:
        raise ValueError("not a bill of trades") from error
    found = [(titles, rows) for rows in tables if set(titles := _titles(rows[0])) >= _TITLES]
    if not found or not all(set(titles) >= _NEEDED for titles, _ in found):
        raise ValueError("not a bill of trades")
    read = (
        (number, meanings(titles, cells, ",", _FREE_TEXT))
        for titles, rows in found
        for number, cells in rows[1:]
    )
    return read_rows(read, _line, _NUMBER)


def _tables(content: bytes) -> Iterator[str]:
    """Names in the zip are GBK without saying so; tables are told apart by what they hold."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        yield _text(content)
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            yield _text(archive.read(name))


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030")


def _rows(table: str) -> Iterator[Row]:
    """Line by line: a quotation mark that a name opens and nobody closes would swallow all that
    follows. A quoted name may have a line's end in it."""
    lines = [line.rstrip("\r") for line in table.split("\n")]
    begun, width = "", 0
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        whole = f"{begun} {line}" if begun else line
        following = lines[number] if number < len(lines) else ""
        goes_on = following and not _BEGINNING.match(following)
        begun = whole if goes_on and len(whole.split(",")) < width else ""
        if not begun:
            width = width or len(whole.rstrip(",").split(","))
            yield number, _cells(whole)


def _cells(line: str) -> list[str]:
    try:
        cells = next(csv.reader([line], strict=True))
    except csv.Error:
        # A quotation mark that means nothing. Only then: commas that are quoted part no cells.
        cells = line.split(",")
    return [cell.strip() for cell in cells]


def _titles(row: Row) -> list[str]:
    # Brackets and units vary between the bills of different years.
    titles = [cell.replace("（", "(").replace("）", ")").removesuffix("(元)") for cell in row[1]]
    while titles and not titles[-1]:
        titles.pop()
    return titles


def _line(cells: Cells) -> BillLine:
    """Refunds are written with a minus; a kind that is unknown must not pass as nothing."""
    kind = _KINDS.get(cells["业务类型"])
    if kind is None and order_id_of_payment(cells[_NUMBER]) is None:
        raise NotOurs
    if kind is None:
        raise UnknownRow("an unknown kind of business")
    refund_id = next((cells[title] for title in _REFUND_NUMBER if title in cells), "")
    amount = cells["订单金额"].removeprefix("-")
    if _THOUSANDS.fullmatch(amount):
        amount = amount.replace(",", "")
    return BillLine(
        kind=kind,
        payment_id=cells[_NUMBER],
        trade_no=cells["支付宝交易号"],
        refund_id=refund_id if kind is FlowKind.REFUNDED else None,
        amount=yuan(amount),
        at=shanghai_time(cells["完成时间"].replace("/", "-")),
    )
