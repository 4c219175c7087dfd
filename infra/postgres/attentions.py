"""Attentions: what waits for a person."""

from sqlalchemy import exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.actors import operator
from domain.attention import Attention, AttentionKind
from infra.postgres.queries import fetch_page, happened
from infra.postgres.tables.attentions import attentions
from infra.postgres.tables.ledger_archive import archived_attentions
from infra.readable import all_readable


class Attentions:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def raise_(
        self,
        kind: AttentionKind,
        subject: str,
        *,
        order_id: str | None = None,
        what: str,
        advice: str,
        step: str | None = None,
        tries: int = 0,
    ) -> bool:
        """False if one is open already for this kind and subject; of that the tries go on."""
        # Those that find the trouble look every few seconds; the unique index of open ones is what
        # keeps one trouble one row.
        query = insert(attentions).values(
            kind=kind,
            subject=subject,
            order_id=order_id,
            what=what,
            advice=advice,
            step=step,
            tries=tries,
        )
        if await happened(self._connection, query.on_conflict_do_nothing()):
            return True
        if tries:
            await self._go_on(kind, subject, tries)
        return False

    async def raise_once(
        self,
        kind: AttentionKind,
        subject: str,
        *,
        order_id: str | None = None,
        what: str,
        advice: str,
    ) -> bool:
        """As `raise_`, but never again once it was resolved."""
        for table in (attentions, archived_attentions):
            same = (table.c.kind == kind, table.c.subject == subject)
            if await self._connection.scalar(select(exists().where(*same))):
                return False
        return await self.raise_(kind, subject, order_id=order_id, what=what, advice=advice)

    async def is_seen_to(self, kind: AttentionKind, subject: str) -> bool:
        """Whether a person has resolved one for this kind and subject, which is final."""
        for table in (attentions, archived_attentions):
            by_a_person = (
                table.c.kind == kind,
                table.c.subject == subject,
                table.c.resolved_by.startswith(operator(""), autoescape=True),
            )
            if await self._connection.scalar(select(exists().where(*by_a_person))):
                return True
        return False

    async def _go_on(self, kind: AttentionKind, subject: str, tries: int) -> None:
        query = (
            update(attentions)
            .where(
                attentions.c.kind == kind,
                attentions.c.subject == subject,
                attentions.c.resolved_at.is_(None),
                attentions.c.tries < tries,
            )
            .values(tries=tries)
        )
        await self._connection.execute(query)

    async def resolve(
        self, kind: AttentionKind, subject: str, by: str, resolution: str = ""
    ) -> bool:
        """False if none is open. `resolution`: what was done, or why nothing."""
        query = (
            update(attentions)
            .where(
                attentions.c.kind == kind,
                attentions.c.subject == subject,
                attentions.c.resolved_at.is_(None),
            )
            .values(resolved_at=func.now(), resolved_by=by, resolution=resolution)
        )
        return await happened(self._connection, query)

    async def resolve_of_order(
        self, kind: AttentionKind, order_id: str, ending: str, by: str, resolution: str
    ) -> bool:
        """As `resolve`, for what is open of the order under a subject with this ending."""
        query = (
            update(attentions)
            .where(
                attentions.c.kind == kind,
                attentions.c.order_id == order_id,
                attentions.c.subject.endswith(ending, autoescape=True),
                attentions.c.resolved_at.is_(None),
            )
            .values(resolved_at=func.now(), resolved_by=by, resolution=resolution)
        )
        return await happened(self._connection, query)

    async def lock(self, attention_id: int) -> Attention | None:
        """The attention, which nobody else resolves or raises until this transaction ends."""
        query = select(attentions).where(attentions.c.attention_id == attention_id)
        row = (await self._connection.execute(query.with_for_update())).mappings().one_or_none()
        return Attention.model_validate(row) if row else None

    async def open_subjects(self, kind: AttentionKind, prefix: str) -> set[str]:
        """What is open of this kind, of all subjects that begin so."""
        query = select(attentions.c.subject).where(
            attentions.c.kind == kind,
            attentions.c.subject.startswith(prefix, autoescape=True),
            attentions.c.resolved_at.is_(None),
        )
        return set((await self._connection.execute(query)).scalars())

    async def open_(self, cursor: str | None, limit: int) -> tuple[list[Attention], str | None]:
        """Oldest first: who waits longest is helped first."""
        query = select(attentions).where(attentions.c.resolved_at.is_(None))
        key = attentions.c.attention_id
        rows, after = await fetch_page(
            self._connection, query, key, cursor, limit, oldest_first=True
        )
        return all_readable(rows, Attention.model_validate), after

    async def page(self, cursor: str | None, limit: int) -> tuple[list[Attention], str | None]:
        """Newest first, the resolved ones too."""
        key = attentions.c.attention_id
        rows, after = await fetch_page(self._connection, select(attentions), key, cursor, limit)
        return all_readable(rows, Attention.model_validate), after
