"""Rooms of items and their tickets, as far as they are written down."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, and_, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.draw import HOLE, Drawn
from domain.room import ChangedTicket, Ticket, TicketChange
from domain.sale import ItemRef
from infra.postgres.engine import Driver
from infra.postgres.queries import happened
from infra.postgres.room_messages import RoomMessages
from infra.postgres.tables.rooms import room_tickets, rooms
from infra.postgres.tables.sales import sale_items

_KEEP_TICKETS = (Path(__file__).parent / "sql" / "rooms" / "keep_tickets.sql").read_text()
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('room ' || $1 || ':' || $2, 0))"
# In the order of the query's arrays.
_MOMENTS = (
    TicketChange.JOINED,
    TicketChange.CALLED,
    TicketChange.FETCHED,
    TicketChange.LAPSED,
    TicketChange.USED,
    TicketChange.LEFT,
)
_TICKET_COLUMNS = [room_tickets.c[name] for name in Ticket.model_fields]
TICKETS_AT_ONCE = 1_000


class KeptRoom(NamedTuple):
    """What is written down of a room. `void_because`: why its draw does not count."""

    next_number: int
    serving: int
    pool_size: int | None
    digest: bytes | None
    void_because: str | None


@dataclass
class _Line:
    """Several changes of one ticket, put together."""

    ticket: Ticket
    moments: dict[TicketChange, datetime] = field(default_factory=dict)
    # A pass that lapses has him called again, under another number.
    called_as: set[int] = field(default_factory=set)


async def keep_tickets(
    driver: Driver, item: ItemRef, changes: Iterable[ChangedTicket]
) -> list[str] | None:
    """Writes what became of tickets, and whom that makes us owe a message, in one transaction with
    whatever the caller does in it.
    Answers with users whose index another one has, for whom nothing is written; None if another
    process is writing down this room just now."""
    if not await driver.fetchval(_TRY_LOCK, item.sale_id, item.sku_id):
        return None
    lines, left_out = _put_together(changes)
    if not lines:
        return left_out
    columns = zip(*map(_values, lines), strict=True)
    rows = await driver.fetch(_KEEP_TICKETS, item.sale_id, item.sku_id, *map(list, columns))
    calls = [(line.ticket.user_id, number) for line in lines for number in sorted(line.called_as)]
    await RoomMessages(driver).owe_calls(item, calls)
    return [*left_out, *(str(row["user_id"]) for row in rows)]


def _put_together(changes: Iterable[ChangedTicket]) -> tuple[list[_Line], list[str]]:
    """One line a ticket, for a query writes each row once; and users whose index was an earlier
    one's."""
    lines: dict[str, _Line] = {}
    owners: dict[int, str] = {}
    for change in changes:
        ticket = change.ticket
        owners.setdefault(ticket.index, ticket.user_id)
        line = lines.setdefault(ticket.user_id, _Line(ticket))
        if ticket.version >= line.ticket.version:
            line.ticket = ticket
        if change.what is TicketChange.CALLED:
            line.called_as.add(ticket.number)
        line.moments[change.what] = datetime.fromtimestamp(change.at_ms / 1000, UTC)
    owned = {user: line for user, line in lines.items() if owners[line.ticket.index] == user}
    return list(owned.values()), [user for user in lines if user not in owned]


def _values(line: _Line) -> tuple[object, ...]:
    ticket = line.ticket
    return (
        ticket.user_id,
        ticket.index,
        ticket.number,
        ticket.units,
        ticket.state.value,
        ticket.version,
        ticket.lapses,
        ticket.order_id or None,
        ticket.expires_at_ms,
        ticket.at_ms,
        bytes.fromhex(ticket.leaf),
        bytes.fromhex(ticket.nonce),
        *(line.moments.get(what) for what in _MOMENTS),
    )


class Rooms:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def keep(self, item: ItemRef, next_number: int, serving: int) -> None:
        """Neither number ever falls."""
        row = insert(rooms).values(**item.model_dump(), next_number=next_number, serving=serving)
        query = row.on_conflict_do_update(
            index_elements=[rooms.c.sale_id, rooms.c.sku_id],
            set_={
                name: func.greatest(rooms.c[name], row.excluded[name])
                for name in ("next_number", "serving")
            },
        )
        await self._connection.execute(query)

    async def get(self, item: ItemRef) -> KeptRoom | None:
        columns = [rooms.c[name] for name in KeptRoom._fields]
        row = (await self._connection.execute(select(*columns).where(*_is(item)))).one_or_none()
        return KeptRoom(*row) if row else None

    async def tickets(self, item: ItemRef) -> AsyncIterator[Ticket]:
        """By index."""
        column = room_tickets.c
        query = (
            select(*_TICKET_COLUMNS)
            .where(column.sale_id == item.sale_id, column.sku_id == item.sku_id)
            .order_by(column.index)
            .execution_options(yield_per=TICKETS_AT_ONCE)
        )
        async with self._connection.stream(query) as rows:
            async for row in rows.mappings():
                yield Ticket.model_validate(
                    {
                        **row,
                        "order_id": row["order_id"] or "",
                        "leaf": row["leaf"].hex(),
                        "nonce": row["nonce"].hex(),
                    }
                )

    async def leaves(self, item: ItemRef, size: int) -> list[bytes]:
        """Of the first `size` indexes; HOLE where nobody has one."""
        column = room_tickets.c
        query = select(column.index, column.leaf).where(
            column.sale_id == item.sale_id, column.sku_id == item.sku_id, column.index < size
        )
        leaves = [HOLE] * size
        for index, leaf in await self._connection.execute(query):
            leaves[index] = leaf
        return leaves

    async def fix_draw(self, item: ItemRef, drawn: Drawn) -> bool:
        """False if another outcome stands, which then counts."""
        query = (
            update(rooms)
            .where(*_is(item), rooms.c.digest.is_(None))
            .values(**drawn.model_dump(), drawn_at=func.clock_timestamp())
        )
        return await happened(self._connection, query)

    async def call_void(self, item: ItemRef, because: str) -> bool:
        """False if it is void already, or drawn."""
        query = (
            update(rooms)
            .where(*_is(item), rooms.c.digest.is_(None), rooms.c.void_because.is_(None))
            .values(void_because=because)
        )
        return await happened(self._connection, query)

    async def drawn(self, item: ItemRef) -> Drawn | None:
        """None before the draw, and once its list was forgotten."""
        columns = [rooms.c[name] for name in Drawn.model_fields]
        query = select(*columns).where(*_is(item), rooms.c.leaves.is_not(None))
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return Drawn.model_validate(dict(row)) if row else None

    async def forget_tickets(self, retired_before: datetime, limit: int) -> int:
        """Of items that Redis forgot before then: how many, at most `limit`."""
        key = tuple_(*room_tickets.primary_key.columns)
        old = (
            select(*room_tickets.primary_key.columns)
            .join(sale_items, _same_item(room_tickets))
            .where(sale_items.c.retired_at < retired_before)
            .limit(limit)
        )
        return (await self._connection.execute(delete(room_tickets).where(key.in_(old)))).rowcount

    async def forget_lists(self, retired_before: datetime, limit: int) -> int:
        """Lists and places of draws, as `forget_tickets`; what they come to in short stays."""
        key = tuple_(rooms.c.sale_id, rooms.c.sku_id)
        old = (
            select(rooms.c.sale_id, rooms.c.sku_id)
            .join(sale_items, _same_item(rooms))
            .where(sale_items.c.retired_at < retired_before, rooms.c.leaves.is_not(None))
            .limit(limit)
        )
        query = update(rooms).where(key.in_(old)).values(leaves=None, places=None)
        return (await self._connection.execute(query)).rowcount


def _same_item(table: Table) -> ColumnElement[bool]:
    return and_(table.c.sale_id == sale_items.c.sale_id, table.c.sku_id == sale_items.c.sku_id)


def _is(item: ItemRef) -> tuple[Any, Any]:
    return rooms.c.sale_id == item.sale_id, rooms.c.sku_id == item.sku_id
