"""Deliveries: what is owed to buyers, each once."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.delivery import Delivery, DeliveryKind
from domain.states import FINAL, DeliveryStatus
from infra.postgres.queries import happened
from infra.postgres.tables.deliveries import archived_deliveries, deliveries
from infra.postgres.tables.orders import orders

_OVER = (DeliveryStatus.DONE, DeliveryStatus.SKIPPED)


class Deliveries:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def owe(self, order_id: str, kinds: Iterable[DeliveryKind]) -> None:
        """From now on the order's buyer is owed these; what is owed already stays as it is."""
        rows = [
            {"order_id": order_id, "kind": kind, "status": DeliveryStatus.PENDING} for kind in kinds
        ]
        if rows:
            query = insert(deliveries).values(rows).on_conflict_do_nothing()
            await self._connection.execute(query)

    async def of_order(self, order_id: str) -> list[Delivery]:
        query = (
            select(deliveries).where(deliveries.c.order_id == order_id).order_by(deliveries.c.kind)
        )
        rows = (await self._connection.execute(query)).mappings()
        return [Delivery.model_validate(row) for row in rows]

    async def change_status(
        self,
        order_id: str,
        kind: DeliveryKind,
        expected: Collection[DeliveryStatus],
        to: DeliveryStatus,
        detail: str = "",
    ) -> bool:
        """False if the status is none of the expected ones (any more)."""
        done_at = func.now() if to in _OVER else None
        query = (
            update(deliveries)
            .where(
                deliveries.c.order_id == order_id,
                deliveries.c.kind == kind,
                deliveries.c.status.in_(expected),
            )
            .values(status=to, detail=detail, done_at=done_at)
        )
        return await happened(self._connection, query)

    async def count_attempt(self, order_id: str, kind: DeliveryKind, error: str) -> int:
        """One more try that failed with `error`; answers how many there were. Raises LookupError
        for a delivery nobody owes."""
        query = (
            update(deliveries)
            .where(deliveries.c.order_id == order_id, deliveries.c.kind == kind)
            .values(attempts=deliveries.c.attempts + 1, tried_at=func.now(), detail=error)
            .returning(deliveries.c.attempts)
        )
        attempts = (await self._connection.execute(query)).scalar_one_or_none()
        if attempts is None:
            raise LookupError(f"order {order_id} is owed no {kind}")
        return int(attempts)

    async def archive(self, older_than: datetime, limit: int) -> int:
        """Move deliveries of orders that ended before `older_than` to the archive, `limit` of
        them at most. Those that still wait for a person stay. Answers how many went."""
        old = (
            select(deliveries.c.order_id, deliveries.c.kind)
            .join(orders, orders.c.order_id == deliveries.c.order_id)
            .where(
                orders.c.status.in_(FINAL),
                orders.c.closed_at < older_than,
                deliveries.c.status.in_(_OVER),
            )
            .limit(limit)
        )
        row = tuple_(deliveries.c.order_id, deliveries.c.kind)
        # Out and in with one query: no moment and no crash leaves a delivery in both or in neither.
        kept = [column for column in deliveries.c if column.name in archived_deliveries.c]
        moved = delete(deliveries).where(row.in_(old)).returning(*kept).cte("moved")
        names = [column.name for column in kept]
        query = insert(archived_deliveries).from_select(names, select(moved))
        return (await self._connection.execute(query)).rowcount
