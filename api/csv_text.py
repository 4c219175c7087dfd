"""Comma-separated values that a spreadsheet shows and does not carry out."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

Cell: TypeAlias = str | int | datetime | None

# What a spreadsheet takes for the beginning of a formula, the full-width ones in Chinese too.
_BEGINS_A_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    """Lines as in RFC 4180. A name that a buyer chose may be a formula: it gets an apostrophe in
    front and is text."""
    text = io.StringIO()
    csv.writer(text).writerows([_written(cell) for cell in row] for row in rows)
    return text.getvalue()


def _written(cell: Cell) -> str | int:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat()
    if isinstance(cell, str) and (cell.lstrip() or cell).startswith(_BEGINS_A_FORMULA):
        return f"'{cell}"
    return cell
