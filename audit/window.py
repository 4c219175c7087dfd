"""What a windowed audit looks at: all that is open, or has changed since the last sound audit.

What was sound then and has not been touched since is sound now, as far as our own steps go: each
leaves a row with its time. Who restored a store, or wrote in one by hand, audits the whole.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy import ARRAY, ColumnElement, FromClause, Table, Text, any_, cast, or_, select, union

from domain.states import IN_HAND, OrderStatus, RefundStatus
from infra.postgres.audits import Audits
from infra.postgres.engine import Database
from infra.postgres.tables.orders import order_events, orders
from infra.postgres.tables.payments import payment_flows
from infra.postgres.tables.points import points_entries
from infra.postgres.tables.refunds import refunds
from infra.postgres.tables.sales import sale_items, sales
from infra.postgres.tables.stock import stock_movements

# What was on its way at the last audit may have been written with a time before it.
MARGIN = timedelta(minutes=10)
OPEN = IN_HAND | {OrderStatus.REFUNDING}


@dataclass(frozen=True)
class Window:
    """Ids of the orders, sales and users to look at."""

    since: datetime
    orders: tuple[str, ...]
    sales: tuple[str, ...]
    users: tuple[str, ...]

    @cached_property
    def order_set(self) -> frozenset[str]:
        return frozenset(self.orders)

    @cached_property
    def sale_set(self) -> frozenset[str]:
        return frozenset(self.sales)


async def window_since_last_sound(database: Database) -> Window | None:
    """None before any audit was sound: then there is the whole to look at."""
    async with database.transaction() as connection:
        sound_at = await Audits(connection).last_sound()
        if sound_at is None:
            return None
        since = sound_at - MARGIN
        written = (order_events, stock_movements, payment_flows, points_entries)
        touched = union(
            *(select(table.c.order_id).where(table.c.at >= since) for table in written),
            select(orders.c.order_id).where(orders.c.status.in_(OPEN)),
            select(refunds.c.order_id).where(refunds.c.status != RefundStatus.DONE),
        )
        rows = (await connection.execute(touched)).scalars()
        order_ids = tuple(order_id for order_id in rows if order_id is not None)
        of_orders = select(orders.c.sale_id).where(among(orders.c.order_id, order_ids))
        on_sale = (
            select(sales.c.sale_id)
            .join(sale_items, sale_items.c.sale_id == sales.c.sale_id)
            .where(or_(sales.c.ends_at >= since, sale_items.c.held > 0))
        )
        moved = select(points_entries.c.user_id).where(points_entries.c.at >= since).distinct()
        return Window(
            since=since,
            orders=order_ids,
            sales=tuple((await connection.execute(union(of_orders, on_sale))).scalars()),
            users=tuple((await connection.execute(moved)).scalars()),
        )


def among(column: ColumnElement[str], ids: tuple[str, ...] | None) -> ColumnElement[bool]:
    """Whether a column holds one of the ids; None stands for all there are."""
    # As one array: a parameter for each of them would be more than a query may have.
    return column.is_not(None) if ids is None else column == any_(cast(list(ids), ARRAY(Text)))


def rows_among(table: Table, key: str, ids: tuple[str, ...] | None) -> FromClause:
    """Those rows of a table, so that an outer join reads no others."""
    if ids is None:
        return table
    return select(table).where(among(table.c[key], ids)).subquery(f"{table.name}_within")
