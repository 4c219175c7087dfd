"""Rows of a bill: how their cells may be meant, and what becomes of one that means nothing."""

from datetime import UTC, datetime

from domain.bill import Bill, BillLine, UnreadRow
from domain.payment import FlowKind
from infra.gateways.bill_rows import Cells, NotOurs, UnknownRow, meanings, read_rows

TITLES = ("number", "name", "订单金额", "note")
FREE = ("name", "note")


def _means(*cells: str) -> list[list[str]]:
    return [list(meant.values()) for meant in meanings(TITLES, cells, ",", FREE)]


def test_cells_that_fit_mean_one_thing() -> None:
    assert _means("1", "tea", "8.80", "") == [["1", "tea", "8.80", ""]]
    assert _means("1", "tea", "8.80", "", "", "")[0] == ["1", "tea", "8.80", ""]


def test_too_few_cells_mean_nothing() -> None:
    assert _means("1", "tea", "8.80") == []


def test_of_too_many_a_text_has_a_separator_in_it_and_amounts_say_which() -> None:
    assert _means("1", "tea", "green", "8.80", "") == [["1", "tea,green", "8.80", ""]]
    assert _means("1", "tea", "8.80", "by", "hand") == [["1", "tea", "8.80", "by,hand"]]


def _line(cells: Cells) -> BillLine:
    if cells["kind"] == "other":
        raise NotOurs
    if cells["kind"] == "new":
        raise UnknownRow("a new kind")
    at = datetime(2030, 1, 1, tzinfo=UTC)
    return BillLine(
        kind=FlowKind.RECEIVED,
        payment_id=cells["number"],
        trade_no="T1",
        refund_id=None,
        amount=int(cells["amount"]),
        at=at,
    )


def _read(*rows: Cells) -> Bill:
    return read_rows(((number, [row]) for number, row in enumerate(rows, 2)), _line, "number")


def test_each_row_is_read_counted_or_named() -> None:
    ours = "01JD0000000001ABCDEFGHJKMNA1"
    sound = {"kind": "paid", "number": ours, "amount": "5"}

    bill = _read(
        sound,
        sound | {"kind": "other"},
        sound | {"kind": "new"},
        sound | {"amount": "five"},
        sound | {"number": "P\0"},
    )

    assert [line.amount for line in bill.lines] == [5]
    assert bill.others == 1
    assert bill.unread == (
        UnreadRow(reference="row 4: a new kind", payment_id=ours),
        UnreadRow(reference="row 5: an amount, a time or a number is odd", payment_id=ours),
        UnreadRow(reference="row 6: a number with odd characters"),
    )
