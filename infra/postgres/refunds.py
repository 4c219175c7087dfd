"""Refunds: money on its way back."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, exists, func, not_, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.payment import FlowKind
from domain.refund import Refund
from domain.states import RefundStatus
from infra.postgres.queries import happened
from infra.postgres.tables.payments import payment_flows, payments
from infra.postgres.tables.refunds import refunds


class StandingRefund(NamedTuple):
    """`received`: what came with the refund's trade, in minor units; None where no row says so."""

    refund: Refund
    received: int | None
    paid_at: datetime | None


class Refunds:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def request(self, refund: Refund) -> Refund:
        """The refund of this id that stands already, else this one."""
        query = insert(refunds).values(refund.model_dump()).on_conflict_do_nothing()
        await self._connection.execute(query)
        return await self.get(refund.refund_id) or refund

    async def get(self, refund_id: str) -> Refund | None:
        found = await self._all(select(refunds).where(refunds.c.refund_id == refund_id))
        return found[0] if found else None

    async def of_order(self, order_id: str) -> list[Refund]:
        """Oldest first."""
        query = select(refunds).where(refunds.c.order_id == order_id)
        return await self._all(query.order_by(refunds.c.refund_number))

    async def change_status(self, refund_id: str, expected: RefundStatus, to: RefundStatus) -> bool:
        """False if the status is not the expected one (any more)."""
        done_at = func.now() if to is RefundStatus.DONE else None
        query = (
            update(refunds)
            .where(refunds.c.refund_id == refund_id, refunds.c.status == expected)
            .values(status=to, done_at=done_at)
        )
        return await happened(self._connection, query)

    async def promised(self, payment_id: str) -> int:
        """What has gone back of a payment or may still go: a failed refund may be tried again."""
        query = select(func.coalesce(func.sum(refunds.c.amount), 0)).where(
            refunds.c.payment_id == payment_id
        )
        return int((await self._connection.execute(query)).scalar_one())

    async def take_turn(self, refund: Refund, spacing: timedelta) -> timedelta | None:
        """None: the provider may be asked for this refund now. Else how long to wait, because
        another refund of the same payment was asked for less than `spacing` ago, or has waited
        longer for its turn. Callers hold the payment's lock."""
        mine = refunds.c.refund_id == refund.refund_id
        others = and_(refunds.c.payment_id == refund.payment_id, not_(mine))
        last = select(func.max(refunds.c.asked_at)).where(others).scalar_subquery()
        asked = select(refunds.c.asked_at).where(mine).scalar_subquery()
        waits_longer = exists().where(
            others,
            refunds.c.status == RefundStatus.REQUESTED,
            or_(refunds.c.asked_at.is_(None), refunds.c.asked_at < asked),
        )
        # The database's clock, and not the transaction's: this one may have waited for the lock.
        query = select(last, asked, waits_longer, func.clock_timestamp())
        last_of_others, last_of_mine, must_give_way, now = (
            await self._connection.execute(query)
        ).one()
        turns = [last_of_others + spacing] if last_of_others else []
        if last_of_mine and must_give_way:
            # Or one that fails again and again would be asked for at each of its tries, and the
            # others never. For one turn only: nobody may be working on the other.
            turns.append(last_of_mine + 2 * spacing)
        wait: timedelta = max(turns, default=now) - now
        if wait > timedelta():
            return wait
        await self._connection.execute(update(refunds).where(mine).values(asked_at=now))
        return None

    async def standing_still(self, before: datetime) -> list[StandingRefund]:
        """Asked for before that moment and not over, longest waiting first."""
        flow, payment = payment_flows.c, payments.c
        came = select(func.max(flow.amount)).where(
            flow.payment_id == refunds.c.payment_id,
            flow.kind == FlowKind.RECEIVED,
            flow.reference == refunds.c.trade_no,
        )
        query = (
            select(refunds, came.scalar_subquery().label("received"), payment.paid_at)
            .join(payments, payment.payment_id == refunds.c.payment_id)
            .where(refunds.c.status != RefundStatus.DONE, refunds.c.requested_at < before)
            .order_by(refunds.c.refund_number)
        )
        rows = (await self._connection.execute(query)).mappings()
        return [
            StandingRefund(Refund.model_validate(row), row["received"], row["paid_at"])
            for row in rows
        ]

    async def _all(self, query: Select[Any]) -> list[Refund]:
        rows = (await self._connection.execute(query)).mappings()
        return [Refund.model_validate(row) for row in rows]
