"""Attentions that operators are still to be sent, for the first or the second time."""

from datetime import timedelta

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.operator_message import OperatorMessage
from infra.postgres.queries import happened
from infra.postgres.tables.attentions import attentions
from infra.readable import all_readable


class UntoldAttentions:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(
        self, limit: int, lease: timedelta, again_after: timedelta
    ) -> list[OperatorMessage]:
        """Open ones that nobody was sent, or that were sent once, longer than `again_after` ago.
        They are the caller's for the time of the lease, and then anybody's again."""
        row, now = attentions.c, func.clock_timestamp()
        is_due = or_(row.told == 0, and_(row.told == 1, row.told_at < now - again_after))
        is_free = or_(row.telling_until.is_(None), row.telling_until < now)
        due = (
            select(row.attention_id)
            .where(row.resolved_at.is_(None), row.told < 2, is_due, is_free)
            # Those that were tried last come last, or a few that cannot be sent would keep others.
            .order_by(row.telling_until.asc().nulls_first(), row.attention_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        claimed = (
            update(attentions)
            .where(row.attention_id == due.c.attention_id)
            .values(telling_until=now + lease)
            .returning(*row, (row.told + 1).label("number"))
        )
        rows = (await self._connection.execute(claimed)).mappings().all()
        return all_readable(rows, OperatorMessage.model_validate)

    async def mark(self, message: OperatorMessage) -> bool:
        """It was sent. False if somebody else has marked it before."""
        query = (
            update(attentions)
            .where(
                attentions.c.attention_id == message.attention_id,
                attentions.c.told == message.number - 1,
            )
            .values(told=message.number, told_at=func.clock_timestamp(), telling_until=None)
        )
        return await happened(self._connection, query)
