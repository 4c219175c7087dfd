"""What every repository does with a query: ask whether it happened, or read one page.

Text that reaches a query holds no NUL, which Postgres cannot store: the API and the gate
refuse it at the edge. Cursors are checked here, and the inbox of notices cleans what it keeps.
"""

import base64
import re
from typing import Any

from sqlalchemy import Column, Delete, Integer, RowMapping, Select, Update
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import ErrorCode, Refusal
from domain.ids import NAME_PATTERN

MAX_LIMIT = 1000
_MAX_BIGINT = 2**63 - 1


class UnknownCursor(Refusal):
    """A page was asked for that no list of ours named."""


async def happened(connection: AsyncConnection, query: Insert | Update | Delete) -> bool:
    """Whether the guarded write changed anything."""
    return (await connection.execute(query)).rowcount > 0


async def fetch_page(
    connection: AsyncConnection,
    query: Select[Any],
    key: Column[Any],
    cursor: str | None,
    limit: int,
    *,
    oldest_first: bool = False,
) -> tuple[list[RowMapping], str | None]:
    """One page of `query`, which must select the unique column `key`; the newest (greatest) key
    comes first. The second value fetches the next page, None after the last.

    Raises UnknownCursor for a cursor that was not made here.
    """
    limit = max(1, min(limit, MAX_LIMIT))
    if cursor is not None:
        after = _key_in(cursor, key)
        query = query.where(key > after if oldest_first else key < after)
    # One more than asked for says whether there is a next page, without a count of all rows.
    query = query.order_by(key.asc() if oldest_first else key.desc()).limit(limit + 1)
    rows = list((await connection.execute(query)).mappings())
    more = len(rows) > limit
    if not more:
        return rows, None
    last = str(rows[limit - 1][key]).encode()
    return rows[:limit], base64.urlsafe_b64encode(last).decode().rstrip("=")


def _key_in(cursor: str, key: Column[Any]) -> str | int:
    """Cursors come back from outside, so nothing in them is taken on trust."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        name = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        raise _malformed() from None
    if not re.fullmatch(NAME_PATTERN, name):
        raise _malformed()
    if not isinstance(key.type, Integer):
        return name
    if not name.isdigit() or int(name) > _MAX_BIGINT:
        raise _malformed()
    return int(name)


def _malformed() -> UnknownCursor:
    return UnknownCursor(ErrorCode.INVALID, "the cursor is not one this list gave out")
