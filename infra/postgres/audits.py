"""Reports of past audits."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit import AuditReport
from infra.postgres.queries import fetch_page, happened
from infra.postgres.tables.audits import audits
from infra.readable import all_readable


class Audits:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def save(self, report: AuditReport) -> bool:
        """False if a report of this id stands already."""
        query = insert(audits).values(ok=report.ok, **report.model_dump())
        return await happened(self._connection, query.on_conflict_do_nothing())

    async def last_sound(self) -> datetime | None:
        """When the newest audit began that found all in order; None if there is none."""
        query = select(func.max(audits.c.started_at)).where(audits.c.ok)
        found: datetime | None = (await self._connection.execute(query)).scalar_one()
        return found

    async def newest(self) -> tuple[bool, datetime] | None:
        """Whether the newest audit found all in order, and when it ended; None before any."""
        query = select(audits.c.ok, audits.c.finished_at).order_by(audits.c.audit_number.desc())
        row = (await self._connection.execute(query.limit(1))).one_or_none()
        return (bool(row.ok), row.finished_at) if row else None

    async def page(self, cursor: str | None, limit: int) -> tuple[list[AuditReport], str | None]:
        """Newest first."""
        key = audits.c.audit_number
        rows, after = await fetch_page(self._connection, select(audits), key, cursor, limit)
        return all_readable(rows, AuditReport.model_validate), after
