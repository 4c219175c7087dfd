"""Entitlements: buyers' rights to what they bought, one per order."""

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.order import Order
from infra.postgres.statements import happened
from infra.postgres.tables import entitlements


class Entitlements:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def grant(self, order: Order) -> bool:
        """False if the order's buyer was granted it before; revoked, it stays so."""
        statement = insert(entitlements).values(
            order_id=order.order_id,
            user_id=order.user_id,
            sale_id=order.sale_id,
            sku_id=order.sku_id,
            quantity=order.quantity,
        )
        return await happened(self._connection, statement.on_conflict_do_nothing())

    async def revoke(self, order_id: str) -> bool:
        """False if there is none, or none any more."""
        statement = (
            update(entitlements)
            .where(entitlements.c.order_id == order_id, entitlements.c.revoked_at.is_(None))
            .values(revoked_at=func.now())
        )
        return await happened(self._connection, statement)

    async def holds(self, order_id: str) -> bool:
        """Whether the order gives its buyer a right now."""
        query = select(entitlements.c.order_id).where(
            entitlements.c.order_id == order_id, entitlements.c.revoked_at.is_(None)
        )
        return (await self._connection.execute(query)).first() is not None
