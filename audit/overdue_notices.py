"""Notices that are due and that no round has visited, by Postgres alone: the rounds stand still."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.findings import Finding
from audit.queries import fetch_all
from domain.model import Value
from domain.notice import NoticeKind, Verdict
from infra.postgres.tables.notices import payment_notices

# A round that stopped leaves all that came since: the oldest say enough.
NAMED = 100


class OverdueNotice(Value):
    notice_id: str
    method: str
    order_id: str | None
    due_at: datetime

    def finding(self) -> Finding:
        minutes = int((datetime.now(UTC) - self.due_at).total_seconds()) // 60
        what = (
            f"{self.method}'s notice {self.notice_id} of order {self.order_id} has been due for"
            f" {minutes} minutes: does a worker serve the upkeep schedule?"
        )
        return Finding(what, (self.order_id,) if self.order_id else ())


async def overdue_notices(connection: AsyncConnection, overdue: timedelta) -> list[OverdueNotice]:
    """The longest due first."""
    notice = payment_notices.c
    query = (
        select(notice.notice_id, notice.method, notice.order_id, notice.due_at)
        .where(
            notice.handled_at.is_(None),
            notice.verdict.in_([Verdict.ACCEPTED, Verdict.WRONG_AMOUNT]),
            notice.kind.in_([NoticeKind.PAYMENT, NoticeKind.REFUND]),
            notice.due_at < datetime.now(UTC) - overdue,
        )
        .order_by(notice.due_at)
        .limit(NAMED)
    )
    return await fetch_all(connection, query, OverdueNotice)
