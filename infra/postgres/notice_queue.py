"""The inbox as a queue: notices that somebody must still hear of, each due at its own time.

Whatever is visited moves back, so no notice keeps another waiting however often it fails.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.attention import AttentionKind
from domain.notice import (
    LEFT_TO_A_PERSON,
    Notice,
    NoticeKind,
    Verdict,
    pause_after,
    pause_once_told,
)
from domain.payment import FlowKind
from infra.postgres.orders import is_unheard_of
from infra.postgres.queries import happened
from infra.postgres.tables.attentions import attentions
from infra.postgres.tables.notices import payment_notices
from infra.postgres.tables.payments import payment_flows

# Nobody has acted on it, and somebody must.
WAITS = and_(
    payment_notices.c.handled_at.is_(None),
    # The provider of a wrong amount has to be asked.
    payment_notices.c.verdict.in_([Verdict.ACCEPTED, Verdict.WRONG_AMOUNT]),
)
_NOW = func.clock_timestamp()


class NoticeQueue:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(
        self, due_before: datetime, received_before: datetime, limit: int, lease: timedelta
    ) -> list[Notice]:
        """Authentic news of payments and refunds that nobody acted on and that are due, longest
        due first. They are nobody else's for the length of the lease, and due again after it."""
        due = (
            select(payment_notices.c.notice_id)
            .where(
                WAITS,
                payment_notices.c.kind.in_([NoticeKind.PAYMENT, NoticeKind.REFUND]),
                payment_notices.c.due_at <= due_before,
                payment_notices.c.received_at < received_before,
            )
            .order_by(payment_notices.c.due_at)
            .limit(limit)
            # Another worker's round takes the next ones instead of waiting for ours.
            .with_for_update(skip_locked=True)
            # As a mere subquery it may be run once per row, and each time finds the next ones.
            .cte("due")
        )
        query = (
            update(payment_notices)
            .where(payment_notices.c.notice_id.in_(select(due.c.notice_id)))
            .values(due_at=_NOW + lease, tried_at=_NOW)
            .returning(payment_notices)
        )
        rows = (await self._connection.execute(query)).mappings()
        return [Notice.model_validate(row) for row in rows]

    async def note_told(self, notice: Notice) -> int:
        """A workflow has it and may act on it; the transaction that does marks it handled.
        Answers how often it was told."""
        times = notice.tries + 1 if notice.told_at else 1
        await self.count_signal(
            notice, told_at=_NOW, tried_at=_NOW, tries=times, due_at=_NOW + pause_once_told(times)
        )
        return times

    async def count_signal(self, notice: Notice, **values: Any) -> None:
        await self._set(notice, signals=payment_notices.c.signals + 1, **values)

    async def signals_like(self, notice: Notice) -> int:
        """How many signals the order's notices of this kind have been together."""
        query = select(func.coalesce(func.sum(payment_notices.c.signals), 0)).where(
            payment_notices.c.order_id == notice.order_id,
            payment_notices.c.kind == notice.kind,
            payment_notices.c.signals > 0,
        )
        return int((await self._connection.execute(query)).scalar_one())

    async def note_failure(self, notice: Notice) -> None:
        """It could not be told, by its own fault: the next try is later each time."""
        tries = notice.tries + 1
        pause = pause_once_told(tries) if notice.told_at else pause_after(tries)
        await self._set(notice, tries=tries, due_at=_NOW + pause)

    async def give_back(self, notices: Collection[str]) -> None:
        """Nobody could be told anything: that does not count against these."""
        await self._connection.execute(
            update(payment_notices)
            .where(payment_notices.c.notice_id.in_(notices))
            .values(due_at=_NOW)
        )

    async def reopen(self, notice_id: str) -> bool:
        """Have a notice told again that was left to a person. False if it was not."""
        return await self._reopen(payment_notices.c.notice_id == notice_id)

    async def reopen_of_order(self, order_id: str) -> bool:
        """The same for all notices of an order."""
        return await self._reopen(payment_notices.c.order_id == order_id)

    async def close_explained(self, by: str) -> int:
        """Resolve attentions for notices that somebody has acted on by now, or whose money our
        ledger has by another way. Answers how many."""
        notice = payment_notices.c
        # Two questions and not one with OR, so that each is a look into the ledger's index.
        booked = or_(_HEARD_OF, _is_booked(FlowKind.REFUNDED, notice.refund["refund_id"].astext))
        acted_on = and_(notice.handled_at.is_not(None), notice.handled_as != LEFT_TO_A_PERSON)
        query = (
            update(attentions)
            .where(
                attentions.c.kind == AttentionKind.UNMATCHED_NOTICE,
                attentions.c.resolved_at.is_(None),
                attentions.c.subject == notice.notice_id,
                or_(acted_on, booked),
            )
            .values(
                resolved_at=func.now(),
                resolved_by=by,
                resolution=case(
                    (acted_on, "it was acted on: " + notice.handled_as),
                    else_="our ledger has it by now",
                ),
            )
        )
        return (await self._connection.execute(query)).rowcount

    async def close_heard(self, as_: str) -> int:
        """Mark what was told and whose order has heard of the same money by another notice: its
        workflow takes no trade twice, so nothing else would mark it. Answers how many."""
        told = and_(
            payment_notices.c.handled_at.is_(None),
            payment_notices.c.verdict == Verdict.ACCEPTED,
            payment_notices.c.told_at.is_not(None),
        )
        query = (
            update(payment_notices)
            .where(told, payment_notices.c.kind == NoticeKind.PAYMENT, _HEARD_OF)
            .values(handled_at=_NOW, handled_as=as_)
        )
        return (await self._connection.execute(query)).rowcount

    async def _reopen(self, is_meant: ColumnElement[bool]) -> bool:
        query = (
            update(payment_notices)
            .where(is_meant, payment_notices.c.handled_as == LEFT_TO_A_PERSON)
            .values(handled_at=None, handled_as=None, told_at=None, tries=0, due_at=_NOW)
        )
        return await happened(self._connection, query)

    async def _set(self, notice: Notice, **values: Any) -> None:
        query = update(payment_notices).where(payment_notices.c.notice_id == notice.notice_id)
        await self._connection.execute(query.values(**values))


def _is_booked(kind: FlowKind, reference: ColumnElement[str]) -> ColumnElement[bool]:
    flow = payment_flows.c
    return exists().where(
        flow.method == payment_notices.c.method, flow.kind == kind, flow.reference == reference
    )


# Money is on the ledger before its workflow knows of it.
_HEARD_OF = and_(
    _is_booked(FlowKind.RECEIVED, payment_notices.c.receipt["trade_no"].astext),
    ~is_unheard_of(payment_notices.c.order_id),
)
