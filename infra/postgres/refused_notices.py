"""Notices nobody will act on: anybody may post such ones, so few are kept, small, and not for long.

They are kept at all because we may be the ones who are wrong: a key was missing, say. What is not
kept is not lost either, for a provider that is refused sends it again.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.notice import REFUSED
from infra.postgres.tables.notices import payment_notices

KEPT_PER_MINUTE = 60
KEPT_IN_ALL = 10_000
# Genuine ones of either provider are smaller.
KEPT_BYTES = 4096
KEPT_HEADER_CHARACTERS = 1024

_IS_REFUSED = payment_notices.c.verdict.in_(REFUSED)


class RefusedNotices:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def has_room(self) -> bool:
        """Whether one more may be kept in this minute; processes that ask at once may each."""
        since = func.clock_timestamp() - timedelta(minutes=1)
        recent = (
            select(payment_notices.c.notice_id)
            .where(_IS_REFUSED, payment_notices.c.received_at > since)
            .limit(KEPT_PER_MINUTE)
            .subquery()
        )
        count = await self._connection.scalar(select(func.count()).select_from(recent))
        return (count or 0) < KEPT_PER_MINUTE

    async def forget(self, older_than: datetime, limit: int) -> int:
        """Those received before `older_than`, `limit` of them at most. Answers how many."""
        old = (
            select(payment_notices.c.notice_id)
            .where(_IS_REFUSED, payment_notices.c.received_at < older_than)
            .limit(limit)
        )
        query = delete(payment_notices).where(payment_notices.c.notice_id.in_(old))
        return (await self._connection.execute(query)).rowcount

    async def forget_all_but_the_newest(self, limit: int, kept: int = KEPT_IN_ALL) -> int:
        """All but the newest `kept`, `limit` of them at most. Answers how many."""
        surplus = (
            select(payment_notices.c.notice_id)
            .where(_IS_REFUSED)
            .order_by(payment_notices.c.received_at.desc())
            .offset(kept)
            .limit(limit)
        )
        query = delete(payment_notices).where(payment_notices.c.notice_id.in_(surplus))
        return (await self._connection.execute(query)).rowcount
