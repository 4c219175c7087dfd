"""Entitlements: buyers' rights to what they bought, one per order, granted by its delivery."""

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres.queries import happened
from infra.postgres.tables.deliveries import entitlements


class Entitlements:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def revoke(self, order_id: str) -> bool:
        """False if there is none, or none any more."""
        # The row stays: a delivery that comes late finds that the order had its right.
        query = (
            update(entitlements)
            .where(entitlements.c.order_id == order_id, entitlements.c.revoked_at.is_(None))
            .values(revoked_at=func.now())
        )
        return await happened(self._connection, query)
