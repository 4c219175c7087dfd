"""What is over for long goes out of the way, a batch at a time. Each method answers how many rows
went; fewer than `limit` means that none is left."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Select, Table, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.states import FINAL
from infra.postgres.tables.audits import audits
from infra.postgres.tables.buyer_messages import archived_buyer_messages, buyer_messages
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
        return await self._move(order_events.c.event_id, old, archived_order_events)

    async def messages(self, older_than: datetime, limit: int) -> int:
        """Messages of the outbox that were written before then."""
        number = buyer_messages.c.message_number
        old = select(number).where(buyer_messages.c.sent_at < older_than).limit(limit)
        return await self._move(number, old, archived_buyer_messages)

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

    async def _move(self, key: Column[Any], old: Select[Any], archive: Table) -> int:
        table = key.table
        # Out and in with one query: no moment and no crash leaves a row in both or in neither.
        moved = delete(table).where(key.in_(old)).returning(*table.c).cte("moved")
        names = [column.name for column in table.c]
        query = insert(archive).from_select(names, select(moved))
        return (await self._connection.execute(query)).rowcount
