"""What came for a sale and what went back, by the ledger and its archive."""

from typing import Any

from sqlalchemy import Select, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.payment import FlowKind
from domain.sale_report import MoneyOfMethod
from infra.postgres.tables.ledger_archive import (
    archived_orders,
    archived_payment_flows,
    archived_payments,
)
from infra.postgres.tables.orders import orders
from infra.postgres.tables.payments import payment_flows, payments


async def money_of_sale(connection: AsyncConnection, sale_id: str) -> tuple[MoneyOfMethod, ...]:
    """By method and currency; points have one of their own."""
    flows = union_all(
        _flows(orders, payments, payment_flows, sale_id),
        _flows(archived_orders, archived_payments, archived_payment_flows, sale_id),
    ).subquery()
    column = flows.c

    def sum_of(kind: FlowKind) -> Any:
        return func.coalesce(func.sum(column.amount).filter(column.kind == kind), 0)

    query = (
        select(
            column.method,
            column.currency,
            sum_of(FlowKind.RECEIVED).label("received"),
            sum_of(FlowKind.REFUNDED).label("refunded"),
        )
        .group_by(column.method, column.currency)
        .order_by(column.method, column.currency)
    )
    rows = (await connection.execute(query)).mappings()
    return tuple(MoneyOfMethod.model_validate(dict(row)) for row in rows)


def _flows(an_order: Any, a_payment: Any, a_flow: Any, sale_id: str) -> Select[Any]:
    """Found by the sale's orders and their payments: the archive is indexed so, and large."""
    return (
        select(a_flow.c.method, a_payment.c.currency, a_flow.c.kind, a_flow.c.amount)
        .select_from(an_order)
        .join(a_payment, a_payment.c.order_id == an_order.c.order_id)
        .join(a_flow, a_flow.c.payment_id == a_payment.c.payment_id)
        .where(an_order.c.sale_id == sale_id)
    )
