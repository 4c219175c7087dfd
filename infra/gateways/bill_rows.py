"""A bill row by row: what cannot be read is named, and costs no other row its comparison."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from domain.bill import Bill, BillLine, UnreadRow
from domain.payment import order_id_of_payment

# A file of which more is unreadable is of a layout nobody here knows; the first rows show that.
NAMED_AT_MOST = 50
_AMOUNT = re.compile(r"-?[0-9,.]*", re.ASCII)
_RATE = re.compile(r"(-?[0-9.]+%)?", re.ASCII)
_NUMBER = re.compile(r"[\x20-\x7e]{0,128}", re.ASCII)
_AMOUNTS = ("金额", "手续费", "服务费", "分润", "实收", "优惠", "红包", "集分宝")

Cells = Mapping[str, str]


class NotOurs(Exception):
    """A row of another application, or of a trade this system does not make."""


class UnknownRow(ValueError):
    """The message says what is strange about the row, without what a buyer wrote into it."""


def read_rows(
    rows: Iterable[tuple[int, Iterable[Cells]]],
    line: Callable[[Cells], BillLine],
    payment_number: str,
) -> Bill:
    """`rows`: each row's number in the file, and the ways its cells may be meant, the likeliest
    first. `line` makes one of them a BillLine, or raises ValueError or NotOurs. `payment_number`:
    the column of our number."""
    lines, unread, others = [], [], 0
    for number, meanings in rows:
        try:
            lines.append(_first_that_makes_sense(meanings, line))
        except NotOurs:
            others += 1
        except _Unread as error:
            ours = error.cells.get(payment_number, "")
            known = ours if order_id_of_payment(ours) else None
            unread.append(UnreadRow(reference=f"row {number}: {error}", payment_id=known))
    if len(unread) > NAMED_AT_MOST:
        rest = f"row {len(unread) - NAMED_AT_MOST} more, of {len(unread)} that cannot be read"
        unread[NAMED_AT_MOST:] = [UnreadRow(reference=rest)]
    return Bill(lines=tuple(lines), unread=tuple(unread), others=others)


class _Unread(Exception):
    def __init__(self, why: str, cells: Cells) -> None:
        super().__init__(why)
        self.cells = cells


def _first_that_makes_sense(
    meanings: Iterable[Cells], line: Callable[[Cells], BillLine]
) -> BillLine:
    why, first = "it has another number of cells than titles", {}
    for attempt, cells in enumerate(meanings):
        try:
            return _with_plain_numbers(line(cells))
        except ValueError as error:
            if attempt == 0:
                why = "an amount, a time or a number is odd"
                if isinstance(error, UnknownRow):
                    why = str(error)
                first = dict(cells)
    raise _Unread(why, first)


def _with_plain_numbers(line: BillLine) -> BillLine:
    # A single character that Postgres does not keep would cost the whole day.
    if not all(map(_NUMBER.fullmatch, (line.payment_id, line.trade_no, line.refund_id or ""))):
        raise UnknownRow("a number with odd characters")
    return line


def meanings(
    titles: Sequence[str], cells: Sequence[str], separator: str, free_text: Iterable[str]
) -> Iterator[Cells]:
    """How a row's cells may belong to the titles. With too many cells, one of the columns of
    `free_text` has a `separator` in it, which nobody quoted."""
    spare = len(cells) - len(titles)
    if spare == 0:
        yield dict(zip(titles, cells, strict=True))
    if spare <= 0:
        return
    # Rows of some years end in separators; but a last column may be empty as well.
    if not any(cells[len(titles) :]) and _fit(meant := dict(zip(titles, cells, strict=False))):
        yield meant
    for title in free_text:
        if title not in titles:
            continue
        start = titles.index(title)
        end = start + spare + 1
        joined = [*cells[:start], separator.join(cells[start:end]), *cells[end:]]
        meant = dict(zip(titles, joined, strict=True))
        # The wrong column moves all between it and the right one; amounts then show it.
        if _fit(meant):
            yield meant


def _fit(meant: Cells) -> bool:
    for title, cell in meant.items():
        if title == "费率" and not _RATE.fullmatch(cell):
            return False
        if title.endswith(_AMOUNTS) and not _AMOUNT.fullmatch(cell):
            return False
    return True
