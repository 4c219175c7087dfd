"""Alipay's statement of trades: a zip of GBK tables, whose columns are found by their titles."""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator

from infra.gateways.bill import BillKind, BillLine
from infra.gateways.wire import shanghai_time, yuan

_KINDS = {"交易": BillKind.PAYMENT, "退款": BillKind.REFUND}
_TITLES = ("商户订单号", "业务类型")


def read_bill(content: bytes) -> tuple[BillLine, ...]:
    """Raises ValueError for what is no statement of trades."""
    try:
        return tuple(line for table in _tables(content) for line in _lines(table))
    except (zipfile.BadZipFile, zlib.error, csv.Error, KeyError) as error:
        raise ValueError("not a statement of trades") from error


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


def _lines(table: str) -> Iterator[BillLine]:
    titles: list[str] = []
    for row in csv.reader(io.StringIO(table)):
        cells = [cell.strip() for cell in row]
        if not cells or cells[0].startswith("#"):
            continue
        if not titles:
            titles = [_title(cell) for cell in cells]
            if not set(_TITLES) <= set(titles):
                return
            continue
        yield _line(dict(zip(titles, cells, strict=False)))


def _title(cell: str) -> str:
    return cell.replace("（", "(").replace("）", ")").removesuffix("(元)")


def _line(cells: dict[str, str]) -> BillLine:
    """Refunds are written with a minus; a kind that is unknown must not pass as nothing."""
    kind = _KINDS.get(cells["业务类型"])
    if kind is None:
        raise ValueError("unknown kind of line in the statement")
    return BillLine(
        kind=kind,
        payment_id=cells["商户订单号"],
        trade_no=cells["支付宝交易号"],
        refund_id=cells["退款批次号/请求号"] if kind is BillKind.REFUND else None,
        amount=yuan(cells["订单金额"].removeprefix("-")),
        at=shanghai_time(cells["完成时间"]),
    )
