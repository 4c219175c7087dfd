"""What several checks ask Postgres, and the pieces that their SQL is made of.

Each rule of a check is one query, so that it sees the rows of one moment.
"""

from collections.abc import AsyncIterator, Collection
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ColumnExpressionArgument,
    Select,
    Subquery,
    and_,
    cast,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.window import among
from domain.model import Value
from domain.payment import PaymentMethod
from domain.sale import ItemRef
from domain.states import OrderStatus
from infra.postgres.tables.orders import orders
from infra.postgres.tables.payments import payment_flows

ROWS_PER_QUERY = 1000
Query: TypeAlias = Select[*tuple[Any, ...]]
_V = TypeVar("_V", bound=Value)


class OrderRow(Value):
    """An order as its item's stock sees it."""

    order_id: str
    user_id: str
    quantity: int
    status: OrderStatus


async def known_orders(
    connection: AsyncConnection, order_ids: Collection[str]
) -> dict[str, OrderStatus]:
    """Those of the ids that have a row, and its status."""
    query = select(orders.c.order_id, orders.c.status).where(orders.c.order_id.in_(order_ids))
    rows = await connection.execute(query)
    return {order_id: OrderStatus(status) for order_id, status in rows}


async def orders_of_item(connection: AsyncConnection, item: ItemRef) -> AsyncIterator[OrderRow]:
    """Every order of an item, whatever its status, by order id."""
    query = select(orders).where(orders.c.sale_id == item.sale_id, orders.c.sku_id == item.sku_id)
    async for order in stream(connection, query, orders.c.order_id, OrderRow):
        yield order


async def fetch_all(connection: AsyncConnection, query: Query, value: type[_V]) -> list[_V]:
    rows = (await connection.execute(query)).mappings()
    return [value.model_validate(row) for row in rows]


async def stream(
    connection: AsyncConnection, query: Query, key: ColumnElement[str], value: type[_V]
) -> AsyncIterator[_V]:
    """Every row of a query of any size, by `key`, which must be unique and not empty."""
    after = ""
    while True:
        # By key and not by offset: rows that come meanwhile shift nothing, and a late page costs
        # no more than the first.
        page = query.where(key > after).order_by(key).limit(ROWS_PER_QUERY)
        rows = (await connection.execute(page)).mappings().all()
        for row in rows:
            yield value.model_validate(row)
        if len(rows) < ROWS_PER_QUERY:
            return
        after = rows[-1][key]


def same_item(left: Any, right: Any) -> ColumnElement[bool]:
    return and_(left.sale_id == right.sale_id, left.sku_id == right.sku_id)


def or_zero(column: ColumnElement[Any]) -> ColumnElement[int]:
    """What an outer join found, 0 where it found nothing."""
    return func.coalesce(column, 0)


def total(amount: ColumnElement[int], when: ColumnExpressionArgument[bool]) -> ColumnElement[int]:
    """The sum over a group's rows for which `when` holds."""
    # Postgres sums bigints to a numeric, which would arrive as a Decimal.
    return cast(func.coalesce(func.sum(amount).filter(when), 0), BigInteger)


def flows_per_order(order_ids: tuple[str, ...] | None = None) -> Subquery:
    """`money` (minor units) and `points` are what the order keeps: received less refunded."""
    flow = payment_flows.c
    came, went = flow.kind == "received", flow.kind == "refunded"
    by_points = flow.method == PaymentMethod.POINTS
    points = total(flow.amount, and_(came, by_points)) - total(flow.amount, and_(went, by_points))
    received, refunded = total(flow.amount, came), total(flow.amount, went)
    return (
        select(
            flow.order_id,
            received.label("received"),
            refunded.label("refunded"),
            (received - refunded - points).label("money"),
            points.label("points"),
        )
        .where(among(flow.order_id, order_ids))
        .group_by(flow.order_id)
        .subquery("flows_per_order")
    )
