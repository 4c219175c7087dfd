"""WeChat Pay's bill of trades: text whose every value carries a backtick before it."""

from collections.abc import Iterator

from domain.bill import BillLine
from domain.payment import FlowKind
from infra.gateways.wire import shanghai_time, yuan

_KINDS = {"SUCCESS": FlowKind.RECEIVED, "REFUND": FlowKind.REFUNDED}
_SUMMARY = "总交易单数"


def read_bill(content: bytes) -> tuple[BillLine, ...]:
    """Raises ValueError for what is no bill of trades."""
    # Not splitlines(): a name of goods may hold what Unicode counts as a line's end.
    rows = [row.rstrip("\r") for row in content.decode("utf-8-sig").split("\n")]
    titles = rows[0].split(",")
    if "商户订单号" not in titles:
        raise ValueError("not a bill of trades")
    try:
        return tuple(_line(dict(zip(titles, cells, strict=True))) for cells in _details(rows[1:]))
    except KeyError as error:
        raise ValueError("not a bill of trades") from error


def _details(rows: list[str]) -> Iterator[list[str]]:
    for row in rows:
        if row.startswith(_SUMMARY):
            return
        if not row:
            continue
        # Goods' names are not quoted and may hold commas; the backtick marks where values begin.
        yield row.removeprefix("`").split(",`")


def _line(cells: dict[str, str]) -> BillLine:
    kind = _KINDS[cells["交易状态"]]
    refund = kind is FlowKind.REFUNDED
    return BillLine(
        kind=kind,
        payment_id=cells["商户订单号"],
        trade_no=cells["微信订单号"],
        refund_id=cells["商户退款单号"] if refund else None,
        amount=yuan(cells["申请退款金额" if refund else "订单金额"]),
        at=shanghai_time(cells["交易时间"]),
    )
