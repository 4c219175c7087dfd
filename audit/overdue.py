"""Orders that should have moved on by now, by Postgres alone: no workflow is asked."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.findings import Finding
from audit.queries import fetch_all
from domain.model import Value
from domain.states import OrderStatus
from infra.postgres.tables.attentions import attentions
from infra.postgres.tables.orders import orders
from infra.postgres.tables.payments import payments


class OverdueOrder(Value):
    """`since`: its deadline, or when it was paid."""

    order_id: str
    status: OrderStatus
    since: datetime

    def finding(self) -> Finding:
        due = "should be over" if self.status is OrderStatus.PENDING_PAYMENT else "was paid for"
        minutes = int((datetime.now(UTC) - self.since).total_seconds()) // 60
        what = f"order {self.order_id} is {self.status}, and {due} since {minutes} minutes"
        return Finding(what, (self.order_id,))


async def overdue_orders(connection: AsyncConnection, overdue: timedelta) -> list[OverdueOrder]:
    """Unpaid ones that long past their deadline, and ones that long paid and not delivered."""
    order = orders.c
    paid_at = select(func.max(payments.c.paid_at)).where(payments.c.order_id == order.order_id)
    since = case(
        (order.status == OrderStatus.PENDING_PAYMENT, order.pay_deadline),
        (order.status == OrderStatus.PAID, paid_at.scalar_subquery()),
    )
    # A person may take days to decide about a delivery.
    waits_for_a_person = (order.status == OrderStatus.PAID) & exists().where(
        attentions.c.order_id == order.order_id, attentions.c.resolved_at.is_(None)
    )
    query = (
        select(order.order_id, order.status, since.label("since"))
        .where(
            order.status.in_((OrderStatus.PENDING_PAYMENT, OrderStatus.PAID)),
            since < datetime.now(UTC) - overdue,
            ~waits_for_a_person,
        )
        .order_by(order.order_id)
    )
    return await fetch_all(connection, query, OverdueOrder)
