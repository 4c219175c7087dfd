"""Orders with their money, a page at a time: for whoever reads very many of them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Value
from domain.order import Order
from domain.payment import FlowKind, PaymentMethod
from infra.postgres.orders import OrderFilter, Orders
from infra.postgres.tables.payments import payment_flows, payments


class PaidBy(Value):
    order_id: str
    method: PaymentMethod
    payment_id: str
    trade_no: str | None
    paid_at: datetime


class OrderLine(Value):
    """`received` and `refunded` are the ledger's, over all payments of the order; `paid_by` is
    the first payment that arrived."""

    order: Order
    paid_by: PaidBy | None
    received: int
    refunded: int


class OrderLines:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(
        self, wanted: OrderFilter, cursor: str | None, limit: int
    ) -> tuple[list[OrderLine], str | None]:
        """Newest first."""
        found, following = await Orders(self._connection).search(
            **wanted._asdict(), cursor=cursor, limit=limit
        )
        ids = [order.order_id for order in found]
        paid_by, money = await self._paid_by(ids), await self._money(ids)
        lines = [
            OrderLine(
                order=order,
                paid_by=paid_by.get(order.order_id),
                received=money.get((order.order_id, FlowKind.RECEIVED), 0),
                refunded=money.get((order.order_id, FlowKind.REFUNDED), 0),
            )
            for order in found
        ]
        return lines, following

    async def _paid_by(self, ids: Sequence[str]) -> dict[str, PaidBy]:
        of_orders = payments.c.order_id.in_(ids), payments.c.paid_at.is_not(None)
        # The last one of a dict stays.
        query = select(payments).where(*of_orders).order_by(payments.c.paid_at.desc())
        rows = (await self._connection.execute(query)).mappings()
        return {row["order_id"]: PaidBy.model_validate(row) for row in rows}

    async def _money(self, ids: Sequence[str]) -> dict[tuple[str, FlowKind], int]:
        flow = payment_flows.c
        query = (
            select(flow.order_id, flow.kind, func.sum(flow.amount))
            .where(flow.order_id.in_(ids))
            .group_by(flow.order_id, flow.kind)
        )
        rows = await self._connection.execute(query)
        return {(order_id, FlowKind(kind)): int(amount) for order_id, kind, amount in rows}
