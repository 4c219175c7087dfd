"""Cancellations of sales: what was asked for, which orders are to be undone, how far that is."""

from typing import NamedTuple

from sqlalchemy import Update, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.order import Order
from domain.sale_cancellation import (
    TO_GIVE_BACK,
    TO_GIVE_UP,
    Cancellation,
    CancellationProgress,
    ToGiveBack,
)
from domain.states import OrderStatus, RefundStatus
from infra.postgres.queries import happened
from infra.postgres.sale_money import money_of_sale
from infra.postgres.tables.orders import orders
from infra.postgres.tables.refunds import refunds
from infra.postgres.tables.sale_ends import sale_cancellations

_UNDONE = (OrderStatus.CANCELLED, OrderStatus.TIMED_OUT, OrderStatus.REFUNDED)
_WAITING = TO_GIVE_UP | TO_GIVE_BACK | {OrderStatus.REFUNDING}


class Place(NamedTuple):
    """Where a walk over a sale's orders has come to."""

    sku_id: str = ""
    user_id: str = ""
    order_id: str = ""


class SaleCancellations:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def ask(self, sale_id: str, actor: str, reason: str) -> bool:
        """False if it was asked for before; then the first words stand."""
        query = insert(sale_cancellations).values(sale_id=sale_id, actor=actor, reason=reason)
        return await happened(self._connection, query.on_conflict_do_nothing())

    async def get(self, sale_id: str) -> Cancellation | None:
        query = select(sale_cancellations).where(sale_cancellations.c.sale_id == sale_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return Cancellation.model_validate(row) if row else None

    async def begin(self, sale_id: str) -> bool:
        return await self._mark(sale_id, "begun_at")

    async def pause(self, sale_id: str) -> bool:
        """False if it is paused already, or done."""
        return await self._mark(sale_id, "paused_at")

    async def resume(self, sale_id: str) -> bool:
        """False if it is not paused."""
        query = _of(sale_id).where(sale_cancellations.c.paused_at.is_not(None))
        return await happened(self._connection, query.values(paused_at=None))

    async def finish(self, sale_id: str) -> bool:
        return await self._mark(sale_id, "done_at")

    async def to_undo(self, sale_id: str, after: Place, limit: int) -> list[Order]:
        """Orders that wait for their payment or are paid, from there on. What is being refunded is
        on its way already."""
        # By the columns of the index there is: a sale's orders are walked once, not once a page.
        where = (orders.c.sku_id, orders.c.user_id, orders.c.order_id)
        query = (
            select(orders)
            .where(
                orders.c.sale_id == sale_id,
                tuple_(*where) > tuple_(*after),
                orders.c.status.in_(TO_GIVE_UP | TO_GIVE_BACK),
            )
            .order_by(*where)
            .limit(limit)
        )
        rows = (await self._connection.execute(query)).mappings()
        return [Order.model_validate(row) for row in rows]

    async def asked_for(self, sale_id: str) -> int:
        """Refunds of its orders that wait for their call, or for its answer."""
        query = (
            select(func.count())
            .select_from(refunds.join(orders, orders.c.order_id == refunds.c.order_id))
            .where(orders.c.sale_id == sale_id, refunds.c.status == RefundStatus.REQUESTED)
        )
        return int((await self._connection.execute(query)).scalar_one())

    async def progress(self, sale_id: str) -> CancellationProgress:
        waits_for_a_person = (
            select(refunds.c.order_id)
            .where(refunds.c.order_id == orders.c.order_id, refunds.c.status == RefundStatus.FAILED)
            .exists()
        )
        failed = orders.c.status.in_(_WAITING) & waits_for_a_person
        is_waiting = orders.c.status.in_(_WAITING) & ~waits_for_a_person
        query = select(
            func.count().filter(is_waiting),
            func.count().filter(orders.c.status.in_(_UNDONE)),
            func.count().filter(failed),
        ).where(orders.c.sale_id == sale_id)
        to_do, done, given_up = (await self._connection.execute(query)).one()
        money = await self._money(sale_id)
        return CancellationProgress(to_do=to_do, done=done, failed=given_up, money=money)

    async def _money(self, sale_id: str) -> tuple[ToGiveBack, ...]:
        """By what was received and not by what was asked for: to do is what is still here."""
        refund = refunds.c
        failed = select(refund.method, func.sum(refund.amount)).where(
            refund.order_id == orders.c.order_id,
            orders.c.sale_id == sale_id,
            refund.status == RefundStatus.FAILED,
        )
        of_methods = await self._connection.execute(failed.group_by(refund.method))
        stuck = {method: int(amount) for method, amount in of_methods}
        return tuple(
            ToGiveBack(
                method=money.method,
                currency=money.currency,
                to_do=money.received - money.refunded - stuck.get(money.method, 0),
                done=money.refunded,
                failed=stuck.get(money.method, 0),
            )
            for money in await money_of_sale(self._connection, sale_id)
        )

    async def _mark(self, sale_id: str, moment: str) -> bool:
        """False if it was marked before, or is done."""
        column = sale_cancellations.c
        query = _of(sale_id).where(column[moment].is_(None), column.done_at.is_(None))
        return await happened(self._connection, query.values({moment: func.clock_timestamp()}))


def _of(sale_id: str) -> Update:
    return update(sale_cancellations).where(sale_cancellations.c.sale_id == sale_id)
