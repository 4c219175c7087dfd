"""Alipay's bill of trades: a zip of GBK tables, whose columns are found by their titles."""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator

from domain.bill import BillLine
from domain.payment import FlowKind
from infra.gateways.wire import shanghai_time, yuan

_KINDS = {"交易": FlowKind.RECEIVED, "退款": FlowKind.REFUNDED}
_TITLES = {"商户订单号", "业务类型"}


def read_bill(content: bytes) -> tuple[BillLine, ...]:
    """Raises ValueError for what is no bill of trades."""
    try:
        found = [rows for table in _tables(content) if (rows := _rows(table))]
        if not found:
            raise ValueError("no table of trades")
        return tuple(
            _line(dict(zip(map(_title, titles), row, strict=True)))
            for titles, *rows in found
            for row in rows
        )
    except (zipfile.BadZipFile, zlib.error, csv.Error, KeyError) as error:
        raise ValueError("not a bill of trades") from error


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


def _rows(table: str) -> list[list[str]]:
    """Titles and trades; nothing if this is another table (the zip holds a summary as well)."""
    cells = ([cell.strip() for cell in row] for row in csv.reader(io.StringIO(table)))
    rows = [row for row in cells if row and not row[0].startswith("#")]
    titles = {_title(cell) for cell in rows[0]} if rows else set()
    return rows if titles >= _TITLES else []


def _title(cell: str) -> str:
    # Brackets and units vary between the bills of different years.
    return cell.replace("（", "(").replace("）", ")").removesuffix("(元)")


def _line(cells: dict[str, str]) -> BillLine:
    """Refunds are written with a minus; a kind that is unknown must not pass as nothing."""
    kind = _KINDS.get(cells["业务类型"])
    if kind is None:
        raise ValueError("unknown kind of line in the bill")
    return BillLine(
        kind=kind,
        payment_id=cells["商户订单号"],
        trade_no=cells["支付宝交易号"],
        refund_id=cells["退款批次号/请求号"] if kind is FlowKind.REFUNDED else None,
        amount=yuan(cells["订单金额"].removeprefix("-")),
        at=shanghai_time(cells["完成时间"]),
    )
