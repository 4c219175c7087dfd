"""The inbox: every notice of a provider, as received."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.notice import Notice, NoticeKind, Verdict, VerifiedNotice
from domain.payment import PaymentMethod
from infra.gateways.protocol import RawNotice
from infra.postgres.queries import fetch_page, happened
from infra.postgres.tables.notices import payment_notices
from infra.readable import all_readable

_UNPROVEN = (Verdict.MALFORMED, Verdict.BAD_SIGNATURE, Verdict.STALE)


class NoticeFilter(NamedTuple):
    method: PaymentMethod | None = None
    kind: NoticeKind | None = None
    verdict: Verdict | None = None
    order_id: str | None = None
    payment_id: str | None = None
    is_handled: bool | None = None


ANY_NOTICE = NoticeFilter()


class Notices:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def keep(
        self,
        notice_id: str,
        method: PaymentMethod,
        notice: VerifiedNotice,
        order_id: str | None,
        body: bytes,
        headers: Mapping[str, str],
    ) -> Notice:
        """Keep a notice; a repeat is counted and answers with the row that stands, of two verdicts
        with the better one."""
        fields = notice.model_dump(mode="json") | {
            "provider_notice_id": _storable(notice.provider_notice_id),
            "payment_id": _storable(notice.payment_id) if notice.payment_id else None,
            "order_id": order_id,
            "headers": {_storable(name): _storable(value) for name, value in headers.items()},
            # Of what is refused only a part may have been kept.
            "body": body,
        }
        query = insert(payment_notices).values(notice_id=notice_id, method=method, **fields)
        upsert = _count_and_improve(query, list(fields)).returning(payment_notices)
        return Notice.model_validate((await self._connection.execute(upsert)).mappings().one())

    async def get(self, notice_id: str) -> Notice | None:
        query = select(payment_notices).where(payment_notices.c.notice_id == notice_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return Notice.model_validate(row) if row else None

    async def raw(self, notice_id: str) -> RawNotice | None:
        """What a replay verifies again."""
        columns = payment_notices.c.body, payment_notices.c.headers
        query = select(*columns).where(payment_notices.c.notice_id == notice_id)
        row = (await self._connection.execute(query)).one_or_none()
        return RawNotice(row.body, row.headers) if row else None

    async def mark_handled(self, notice_id: str, as_: str) -> bool:
        """False if it was handled before (the first answer stays) or is unknown."""
        query = (
            update(payment_notices)
            .where(payment_notices.c.notice_id == notice_id, payment_notices.c.handled_at.is_(None))
            .values(handled_at=func.now(), handled_as=as_)
        )
        return await happened(self._connection, query)

    async def strip(self, older_than: datetime, limit: int) -> int:
        """Forget the bytes of notices acted on before `older_than`, and of those received before
        it that no payment of ours explains, `limit` of them at most; what they said stays. Answers
        how many."""
        notice = payment_notices.c
        unexplained = and_(
            notice.verdict == Verdict.UNKNOWN_PAYMENT, notice.received_at < older_than
        )
        old = (
            select(notice.notice_id)
            .where(or_(notice.handled_at < older_than, unexplained), notice.body != b"")
            .limit(limit)
        )
        query = (
            update(payment_notices)
            .where(payment_notices.c.notice_id.in_(old))
            # Bytes and headers are most of the database, and nobody judges old ones again.
            .values(body=b"", headers={})
        )
        return (await self._connection.execute(query)).rowcount

    async def page(
        self, cursor: str | None, limit: int, wanted: NoticeFilter = ANY_NOTICE
    ) -> tuple[list[Notice], str | None]:
        """Newest first, those that fit every given term."""
        notice = payment_notices.c
        given = {name: term for name, term in wanted._asdict().items() if term is not None}
        is_handled = given.pop("is_handled", None)
        terms = [notice[name] == term for name, term in given.items()]
        if is_handled is not None:
            terms.append(notice.handled_at.is_not(None) == is_handled)
        query = select(payment_notices).where(and_(True, *terms))
        key = notice.notice_number
        rows, after = await fetch_page(self._connection, query, key, cursor, limit)
        return all_readable(rows, Notice.model_validate), after


def _count_and_improve(query: Insert, fields: list[str]) -> Insert:
    # Anybody may send the bytes of a true notice with a wrong signature, and before it comes. So
    # ACCEPTED replaces all, and whatever is proven replaces what is not.
    old, new = payment_notices.c, query.excluded
    better = and_(
        old.handled_at.is_(None),
        or_(
            and_(old.verdict != Verdict.ACCEPTED, new.verdict == Verdict.ACCEPTED),
            and_(old.verdict.in_(_UNPROVEN), new.verdict.not_in(_UNPROVEN)),
        ),
    )
    improved: dict[str, Any] = {name: case((better, new[name]), else_=old[name]) for name in fields}
    return query.on_conflict_do_update(
        index_elements=[old.notice_id], set_=improved | {"deliveries": old.deliveries + 1}
    )


def _storable(text: str) -> str:
    """Anyone may post here, and Postgres can hold neither a NUL nor half a surrogate pair."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
