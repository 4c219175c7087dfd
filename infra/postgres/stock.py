"""Stock of an item: every unit is available, held or sold, and each move leaves a row.

Holding it and selling it is part of placing and settling an order (`order_steps`). The movement
goes in before the item's row is touched: its unique keys decide whether there is anything to do,
and the hot row is locked for the shortest time.
"""

from typing import Any

from sqlalchemy import delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.order import Order
from domain.sale import Item, ItemRef
from infra.postgres.queries import happened
from infra.postgres.tables.sales import sale_items
from infra.postgres.tables.stock import stock_movements

_MOVEMENT_COLUMNS = ["sale_id", "sku_id", "order_id", "kind", "quantity"]


class Stock:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def release(self, order: Order) -> bool:
        """held -> available. False if there is nothing to do: released or sold before."""
        return await self._follow(order, ("hold",), "release", held=-1, available=1)

    async def sell_again(self, order: Order) -> bool:
        """available -> sold, for what the order held and gave back. False if it does not fit any
        more, was never given back, or is sold again already."""
        try:
            return await self._follow(order, ("release",), "sell_again", available=-1, sold=1)
        except LookupError:
            await self._forget(order.order_id, "sell_again")
            return False

    async def take_back(self, order: Order) -> bool:
        """sold -> available. False if there is nothing to do: taken back before, or never sold."""
        sold = ("sell", "sell_again")
        return await self._follow(order, sold, "take_back", sold=-1, available=1)

    async def items(self) -> list[Item]:
        query = select(sale_items).order_by(sale_items.c.item_number)
        rows = (await self._connection.execute(query)).mappings()
        return [Item.model_validate(row) for row in rows]

    async def item(self, item: ItemRef) -> Item | None:
        query = select(sale_items).where(*_is(item))
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return Item.model_validate(row) if row else None

    async def _follow(self, order: Order, after: tuple[str, ...], kind: str, **steps: int) -> bool:
        """The next move of what the order holds, as large as the move it follows. Raises
        LookupError when the item has not got that many."""
        before = stock_movements
        source = select(
            before.c.sale_id, before.c.sku_id, before.c.order_id, literal(kind), before.c.quantity
        ).where(before.c.order_id == order.order_id, before.c.kind.in_(after))
        statement = insert(stock_movements).from_select(_MOVEMENT_COLUMNS, source)
        moved = await self._connection.execute(
            statement.on_conflict_do_nothing().returning(stock_movements.c.quantity)
        )
        quantity = moved.scalar_one_or_none()
        if quantity is None:
            return False
        changes = {column: sign * quantity for column, sign in steps.items()}
        if not await self._change(order.item, **changes):
            raise LookupError(f"the stock order {order.order_id} held is not on the books")
        return True

    async def _change(self, item: ItemRef, **changes: int) -> bool:
        columns = sale_items.c
        enough = [columns[name] >= -by for name, by in changes.items() if by < 0]
        values = {name: columns[name] + by for name, by in changes.items()}
        statement = update(sale_items).where(*_is(item), *enough).values(values)
        return await happened(self._connection, statement)

    async def _forget(self, order_id: str, kind: str) -> None:
        await self._connection.execute(
            delete(stock_movements).where(
                stock_movements.c.order_id == order_id, stock_movements.c.kind == kind
            )
        )


def _is(item: ItemRef) -> tuple[Any, Any]:
    return sale_items.c.sale_id == item.sale_id, sale_items.c.sku_id == item.sku_id
