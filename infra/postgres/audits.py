"""Reports of past audits."""

from datetime import datetime

from sqlalchemy import and_, func, select
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

    async def page(
        self, cursor: str | None, limit: int, *, ok: bool | None = None, fails: str | None = None
    ) -> tuple[list[AuditReport], str | None]:
        """Newest first; `fails`: those in which the check of this code is not ok."""
        terms = [audits.c.ok == ok] if ok is not None else []
        if fails is not None:
            terms.append(audits.c.checks.contains([{"code": fails, "ok": False}]))
        query, key = select(audits).where(and_(True, *terms)), audits.c.audit_number
        rows, after = await fetch_page(self._connection, query, key, cursor, limit)
        return all_readable(rows, AuditReport.model_validate), after
