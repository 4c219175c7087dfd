"""Orders that were placed ahead of their workflow, which is not started yet."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from audit.queries import fetch_all
from audit.sources import AuditSources
from audit.unplaced import queued_orders
from audit.window import among
from domain.model import Value
from domain.sale import ItemRef
from infra.postgres.tables.orders import orders

# Whoever waits longer than this, or than half the time to pay, needs a person to look.
LONGEST_WAY = timedelta(minutes=5)


class _Placed(Value):
    order_id: str
    sale_id: str
    sku_id: str
    created_at: datetime
    pay_deadline: datetime | None

    @property
    def is_young(self) -> bool:
        window = (self.pay_deadline or self.created_at) - self.created_at
        return datetime.now(UTC) - self.created_at < min(window / 2, LONGEST_WAY)


async def on_their_way(sources: AuditSources, order_ids: Iterable[str]) -> set[str]:
    """Those whose intent waits for the starter, and not too long."""
    young: dict[ItemRef, set[str]] = {}
    async with sources.database.transaction() as connection:
        query = select(orders).where(among(orders.c.order_id, tuple(order_ids)))
        for placed in await fetch_all(connection, query, _Placed):
            if placed.is_young:
                item = ItemRef(sale_id=placed.sale_id, sku_id=placed.sku_id)
                young.setdefault(item, set()).add(placed.order_id)
    found: set[str] = set()
    for item, placed_ids in young.items():
        found |= placed_ids & await queued_orders(sources, item)
    return found
