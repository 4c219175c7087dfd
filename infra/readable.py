"""A page of rows, of which each stands for itself."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import structlog

log = structlog.get_logger()

MAX_NAMED = 200

Row = TypeVar("Row")
Value = TypeVar("Value")


def all_readable(rows: Iterable[Row], read: Callable[[Row], Value]) -> list[Value]:
    """What `read` makes of each row. One that it cannot read is told in the log and left out: a
    date without end or a word of a later version must not take the whole list with it."""
    values = []
    for row in rows:
        try:
            values.append(read(row))
        # Pydantic's refusal is a ValueError; the others are what dates beyond the calendar raise.
        except (ValueError, TypeError, OverflowError) as error:
            log.error("row_left_out", row=repr(row)[:MAX_NAMED], error=repr(error)[:MAX_NAMED])
    return values
