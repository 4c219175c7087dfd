"""A3: nobody holds or owns more units of an item than its limit allows."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.findings import Finding, Look, counted
from audit.queries import fetch_all, same_item
from audit.sources import AuditSources
from audit.window import among
from domain.model import Value
from domain.states import HOLDING_STOCK, OWNING_STOCK
from infra.postgres.stock import Stock
from infra.postgres.tables.orders import orders
from infra.postgres.tables.sales import sale_items


class UserAboveLimit(Value):
    sale_id: str
    sku_id: str
    user_id: str
    quantity: int
    per_user_limit: int
    orders: tuple[str, ...]

    def finding(self) -> Finding:
        has = f"user {self.user_id} has {counted(self.quantity, 'unit')}"
        what = f"{has} of {self.sku_id} in sale {self.sale_id}, the limit is {self.per_user_limit}"
        return Finding(what, orders=self.orders)


async def look(sources: AuditSources) -> Look:
    async with sources.database.transaction() as connection:
        items = await Stock(connection).items()
        above = await users_above_limit(connection, sources.sales_within)
    findings = {f"{user.user_id} {user.sale_id}/{user.sku_id}": user.finding() for user in above}
    return Look(counted(len(items), "item"), "nobody has more than the limit", findings)


async def users_above_limit(
    connection: AsyncConnection, sale_ids: tuple[str, ...] | None = None
) -> list[UserAboveLimit]:
    """Who holds or owns more of an item than its limit allows, and by which orders."""
    order, item = orders.c, sale_items.c
    units = func.sum(order.quantity)
    query = (
        select(
            order.sale_id,
            order.sku_id,
            order.user_id,
            units.label("quantity"),
            item.per_user_limit,
            func.array_agg(order.order_id).label("orders"),
        )
        .join(sale_items, same_item(order, item))
        .where(among(order.sale_id, sale_ids), order.status.in_(HOLDING_STOCK | OWNING_STOCK))
        .group_by(order.sale_id, order.sku_id, order.user_id, item.per_user_limit)
        .having(units > item.per_user_limit)
    )
    return await fetch_all(connection, query, UserAboveLimit)
