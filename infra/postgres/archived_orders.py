"""Orders whose ledger is in the archive, as somebody may still ask for them."""

from typing import Any, TypeVar

from sqlalchemy import Column, Table, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.delivery import Delivery
from domain.model import Value
from domain.order import Order, OrderDossier, OrderEvent
from domain.payment import Payment, Receipt
from domain.refund import Refund
from infra.postgres.tables.deliveries import archived_deliveries
from infra.postgres.tables.ledger_archive import (
    archived_orders,
    archived_payments,
    archived_refunds,
)
from infra.postgres.tables.orders import archived_order_events

V = TypeVar("V", bound=Value)


class ArchivedOrders:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def dossier(self, order_id: str) -> OrderDossier | None:
        """None for an order that is not in the archive."""
        query = select(archived_orders).where(archived_orders.c.order_id == order_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        payment, refund = archived_payments.c, archived_refunds.c
        delivery, event = archived_deliveries.c, archived_order_events.c
        return OrderDossier(
            order=Order.model_validate(row),
            payments=await self._of(archived_payments, order_id, payment.created_at, Payment),
            refunds=await self._of(archived_refunds, order_id, refund.refund_number, Refund),
            deliveries=await self._of(archived_deliveries, order_id, delivery.kind, Delivery),
            events=await self._of(archived_order_events, order_id, event.event_id, OrderEvent),
        )

    async def took(self, receipt: Receipt) -> bool:
        """Whether this very money was taken for an order that is in the archive."""
        payment = archived_payments.c
        query = select(
            exists().where(
                payment.payment_id == receipt.payment_id, payment.trade_no == receipt.trade_no
            )
        )
        return bool(await self._connection.scalar(query))

    async def _of(
        self, table: Table, order_id: str, key: Column[Any], kind: type[V]
    ) -> tuple[V, ...]:
        query = select(table).where(table.c.order_id == order_id).order_by(key)
        rows = (await self._connection.execute(query)).mappings()
        return tuple(kind.model_validate(row) for row in rows)
