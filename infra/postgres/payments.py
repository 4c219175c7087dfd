"""Payments, and the ledger of the money that came and went."""

from datetime import datetime

from sqlalchemy import case, func, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.payment import ASK_AFTER, FlowKind, Payment, PaymentMethod
from domain.points import EARNING_METHODS
from domain.states import PaymentStatus
from infra.postgres.queries import happened
from infra.postgres.tables.payments import payment_flows, payments


class Payments:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, payment_id: str) -> Payment | None:
        query = select(payments).where(payments.c.payment_id == payment_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return Payment.model_validate(row) if row else None

    async def lock(self, payment_id: str) -> Payment | None:
        """The payment, which nobody else changes until this transaction ends."""
        query = select(payments).where(payments.c.payment_id == payment_id).with_for_update()
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return Payment.model_validate(row) if row else None

    async def insert(self, payment: Payment, *, ask_at: datetime | None = None) -> bool:
        """False if one of this id stands already. `ask_at`: when a round is to ask its provider."""
        row = payment.model_dump() | {"ask_at": ask_at or payment.ask_at}
        statement = insert(payments).values(row)
        return await happened(self._connection, statement.on_conflict_do_nothing())

    async def of_order(self, order_id: str) -> list[Payment]:
        """Oldest first."""
        query = (
            select(payments)
            .where(payments.c.order_id == order_id)
            .order_by(payments.c.created_at, payments.c.payment_id)
        )
        rows = (await self._connection.execute(query)).mappings()
        return [Payment.model_validate(row) for row in rows]

    async def claim_unanswered(self, now: datetime, limit: int) -> list[Payment]:
        """Payments whose provider is to be asked now, longest due first: open ones, and those that
        are to be closed there once more. They are nobody else's, and asked again later the older
        they are, a few times, and once when they can be paid no more."""
        due = (
            select(payments.c.payment_id)
            .where(
                payments.c.ask_at <= now,
                payments.c.status.in_([PaymentStatus.CREATED, PaymentStatus.CLOSED]),
            )
            .order_by(payments.c.ask_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            # As a mere subquery it may be run once per row, and each time finds the next ones.
            .cte("due")
        )
        begun = payments.c.created_at
        last = payments.c.expires_at + ASK_AFTER[0]
        later = case(
            (payments.c.status == PaymentStatus.CLOSED, null()),
            *((begun + pause > now, begun + pause) for pause in ASK_AFTER),
            (last > now, last),
            else_=null(),
        )
        query = (
            update(payments)
            .where(payments.c.payment_id.in_(select(due.c.payment_id)))
            .values(ask_at=later)
            .returning(payments)
        )
        rows = (await self._connection.execute(query)).mappings()
        return [Payment.model_validate(row) for row in rows]

    async def ask_again(self, payment_id: str, at: datetime) -> None:
        """Its provider gave no answer."""
        query = update(payments).where(payments.c.payment_id == payment_id).values(ask_at=at)
        await self._connection.execute(query)

    async def earning(self, order_id: str) -> list[int]:
        """The amounts that earn points: of each payment what came and has not gone back."""
        back = (
            select(func.coalesce(func.sum(payment_flows.c.amount), 0))
            .where(
                payment_flows.c.order_id == order_id,
                payment_flows.c.payment_id == payments.c.payment_id,
                payment_flows.c.kind == FlowKind.REFUNDED,
            )
            .scalar_subquery()
        )
        query = select(payments.c.amount - back).where(
            payments.c.order_id == order_id,
            payments.c.status == PaymentStatus.PAID,
            payments.c.method.in_(EARNING_METHODS),
        )
        return [int(amount) for amount in (await self._connection.execute(query)).scalars()]

    async def change_status(
        self,
        payment_id: str,
        expected: PaymentStatus,
        to: PaymentStatus,
        *,
        trade_no: str | None = None,
        paid_at: datetime | None = None,
    ) -> bool:
        """False if the status is not the expected one (any more). What is None stays as it was."""
        query = (
            update(payments)
            .where(payments.c.payment_id == payment_id, payments.c.status == expected)
            .values(
                status=to,
                trade_no=func.coalesce(trade_no, payments.c.trade_no),
                paid_at=func.coalesce(paid_at, payments.c.paid_at),
            )
        )
        return await happened(self._connection, query)


class PaymentFlows:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def record(
        self,
        order_id: str,
        payment_id: str,
        method: PaymentMethod,
        kind: FlowKind,
        reference: str,
        amount: int,
    ) -> bool:
        """Once per method, kind and reference: the provider's trade number for what was received,
        our refund id for what was refunded. False if it stands already."""
        query = insert(payment_flows).values(
            order_id=order_id,
            payment_id=payment_id,
            method=method,
            kind=kind,
            reference=reference,
            amount=amount,
        )
        return await happened(self._connection, query.on_conflict_do_nothing())

    async def sums_of_payment(self, payment_id: str) -> tuple[int, int]:
        """(received, refunded) of the payment."""
        query = (
            select(payment_flows.c.kind, func.sum(payment_flows.c.amount))
            .where(payment_flows.c.payment_id == payment_id)
            .group_by(payment_flows.c.kind)
        )
        sums = {kind: int(amount) for kind, amount in await self._connection.execute(query)}
        return sums.get(FlowKind.RECEIVED, 0), sums.get(FlowKind.REFUNDED, 0)
