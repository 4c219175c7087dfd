"""What is over for long goes out of the way, a batch at a time. Each method answers how many rows
went; fewer than `limit` means that none is left."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.states import FINAL
from infra.postgres.tables.attentions import attentions
from infra.postgres.tables.audits import audits
from infra.postgres.tables.bills import bill_lines, unread_bill_rows
from infra.postgres.tables.buyer_messages import archived_buyer_messages, buyer_messages
from infra.postgres.tables.ledger_archive import archived_attentions, archived_bill_lines
from infra.postgres.tables.orders import archived_order_events, order_events, orders


class Archive:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def order_events(self, older_than: datetime, limit: int) -> int:
        """Events of orders that ended before then. What happens to one later, such as a refund,
        is written where it always was."""
        old = (
            select(order_events.c.event_id)
            .join(orders, orders.c.order_id == order_events.c.order_id)
            .where(orders.c.status.in_(FINAL), orders.c.closed_at < older_than)
            .where(order_events.c.at < older_than)
            .limit(limit)
        )
        number = order_events.c.event_id
        return await self._move(number, old, archived_order_events, order_events)

    async def messages(self, older_than: datetime, limit: int) -> int:
        """Messages of the outbox that were written before then."""
        number = buyer_messages.c.message_number
        old = select(number).where(buyer_messages.c.sent_at < older_than).limit(limit)
        return await self._move(number, old, archived_buyer_messages, buyer_messages)

    async def forget_audits(self, older_than: datetime, limit: int) -> int:
        """Reports made before then. The last sound one stays: the next audit begins where it
        looked."""
        last_sound = select(func.max(audits.c.started_at)).where(audits.c.ok).scalar_subquery()
        number = audits.c.audit_number
        old = (
            select(number)
            .where(audits.c.finished_at < older_than)
            .where(audits.c.started_at.is_distinct_from(last_sound))
            .limit(limit)
        )
        query = delete(audits).where(number.in_(old))
        return (await self._connection.execute(query)).rowcount

    async def attentions(self, older_than: datetime, limit: int) -> int:
        """Those that were resolved before then."""
        number = attentions.c.attention_id
        old = select(number).where(attentions.c.resolved_at < older_than).limit(limit)
        return await self._move(number, old, archived_attentions, attentions)

    async def bill_lines(self, older_than: date, limit: int) -> int:
        """Of days before then, which must be so old that nobody has them compared again."""
        line = bill_lines.c
        key = tuple_(line.method, line.kind, line.reference)
        old = select(line.method, line.kind, line.reference).where(line.day < older_than)
        return await self._move(key, old.limit(limit), archived_bill_lines, bill_lines)

    async def unread_bill_rows(self, older_than: date, limit: int) -> int:
        """Rows of those days that nobody could read are forgotten: their attention says them."""
        row = unread_bill_rows.c
        key = tuple_(row.method, row.day, row.reference)
        old = select(row.method, row.day, row.reference).where(row.day < older_than).limit(limit)
        query = delete(unread_bill_rows).where(key.in_(old))
        return (await self._connection.execute(query)).rowcount

    async def _move(
        self, key: ColumnElement[Any], old: Select[Any], archive: Table, table: Table
    ) -> int:
        # Out and in with one query: no moment and no crash leaves a row in both or in neither.
        moved = delete(table).where(key.in_(old)).returning(*table.c).cte("moved")
        names = [column.name for column in table.c]
        query = insert(archive).from_select(names, select(moved))
        return (await self._connection.execute(query)).rowcount
