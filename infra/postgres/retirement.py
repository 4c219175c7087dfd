"""Items whose sale is over, with everything that was sold or refunded of them."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.sale import ItemRef
from domain.states import FINAL, RefundStatus, SaleStatus
from infra.postgres.queries import happened
from infra.postgres.tables.orders import orders
from infra.postgres.tables.refunds import refunds
from infra.postgres.tables.sale_ends import sale_cancellations
from infra.postgres.tables.sales import sale_items, sales


class Retirement:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def due(self, ended_before: datetime) -> list[ItemRef]:
        """Items not retired yet of sales that ended before then, of which no order and no refund
        is open."""
        query = select(sale_items.c.sale_id, sale_items.c.sku_id).where(_is_over(ended_before))
        rows = (await self._connection.execute(query)).mappings()
        return [ItemRef.model_validate(row) for row in rows]

    async def retire(self, item: ItemRef, ended_before: datetime) -> bool:
        """False if it is not due (any more)."""
        column = sale_items.c
        query = (
            update(sale_items)
            .where(
                column.sale_id == item.sale_id,
                column.sku_id == item.sku_id,
                # Asked again in the same statement: an order may have been paid late meanwhile.
                _is_over(ended_before),
            )
            .values(retired_at=func.now())
        )
        return await happened(self._connection, query)

    async def knows_all(self, order_ids: Collection[str]) -> bool:
        """Whether each of the orders has a row."""
        query = select(func.count()).where(orders.c.order_id.in_(order_ids))
        return (await self._connection.execute(query)).scalar_one() == len(set(order_ids))

    async def retired(self, item_numbers: Collection[int]) -> set[int]:
        """Those of the items that were retired."""
        column = sale_items.c
        query = select(column.item_number).where(
            column.item_number.in_(item_numbers), column.retired_at.is_not(None)
        )
        return set((await self._connection.execute(query)).scalars())


def _is_over(ended_before: datetime) -> ColumnElement[bool]:
    item, order = sale_items.c, orders.c
    of_item = and_(order.sale_id == item.sale_id, order.sku_id == item.sku_id)
    undone = exists().where(
        sale_cancellations.c.sale_id == item.sale_id, sale_cancellations.c.done_at.is_not(None)
    )
    has_ended = exists().where(
        sales.c.sale_id == item.sale_id,
        sales.c.ends_at < ended_before,
        # Its last order is decided, or undone: until then its workflow asks the gate after it.
        or_(
            sales.c.status == SaleStatus.SETTLED,
            and_(sales.c.status == SaleStatus.CANCELLED, undone),
        ),
    )
    open_order = exists().where(of_item, order.status.not_in(FINAL))
    open_refund = exists().where(
        of_item, refunds.c.order_id == order.order_id, refunds.c.status != RefundStatus.DONE
    )
    return and_(item.retired_at.is_(None), item.held == 0, has_ended, ~open_order, ~open_refund)
