"""Stock of an item: every unit is available, held or sold, and each move leaves a row.

Holding it and selling it is part of placing and settling an order (`hot_path`); here are the moves
that most orders never make.
"""

from typing import Any

from sqlalchemy import delete, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.order import Order
from domain.sale import Item, ItemRef
from domain.stock import MovementKind
from infra.postgres.queries import happened
from infra.postgres.tables.sales import sale_items
from infra.postgres.tables.stock import stock_movements

_STAY_IDLE = text("SET LOCAL idle_in_transaction_session_timeout = '10min'")
_MOVEMENT_COLUMNS = ["sale_id", "sku_id", "order_id", "kind", "quantity"]


class Stock:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def release(self, order: Order) -> bool:
        """held -> available. False if there is nothing to do: released or sold before."""
        return await self._move(
            order, MovementKind.RELEASE, (MovementKind.HOLD,), held=-1, available=1
        )

    async def reclaim(self, order: Order) -> bool:
        """available -> sold, for what the order held and released. False if it does not fit any
        more, was never released, or is reclaimed already."""
        released = (MovementKind.RELEASE,)
        try:
            return await self._move(order, MovementKind.RECLAIM, released, available=-1, sold=1)
        except LookupError:
            # The row went in before the item was asked; a row that stands for no units would
            # answer the next try with "done already".
            mine = stock_movements.c.order_id == order.order_id
            await self._connection.execute(
                delete(stock_movements).where(mine, stock_movements.c.kind == MovementKind.RECLAIM)
            )
            return False

    async def restock(self, order: Order) -> bool:
        """sold -> available. False if there is nothing to do: restocked before, or never sold."""
        sold = (MovementKind.SELL, MovementKind.RECLAIM)
        return await self._move(order, MovementKind.RESTOCK, sold, sold=-1, available=1)

    async def supply(self, item: ItemRef, quantity: int) -> bool:
        """Units a person adds, or takes back where there are less than none. False where so many
        are not available."""
        query = (
            update(sale_items)
            .where(*_is(item), sale_items.c.available + quantity >= 0)
            .values(
                total=sale_items.c.total + quantity, available=sale_items.c.available + quantity
            )
        )
        if not await happened(self._connection, query):
            return False
        kind = MovementKind.ADDED
        row = {**item.model_dump(), "kind": kind, "quantity": quantity}
        await self._connection.execute(insert(stock_movements).values(row))
        return True

    async def take_repair_turn(self, item: ItemRef) -> None:
        """One repair of an item at a time: waits for another, and keeps its turn until the end of
        the transaction."""
        # It is idle as long as the repair takes, and locks no row.
        await self._connection.execute(_STAY_IDLE)
        name = f"repair {item.sale_id}:{item.sku_id}"
        turn = func.pg_advisory_xact_lock(func.hashtextextended(name, 0))
        await self._connection.execute(select(turn))

    async def items(self) -> list[Item]:
        query = select(sale_items).order_by(sale_items.c.item_number)
        rows = (await self._connection.execute(query)).mappings()
        return [Item.model_validate(row) for row in rows]

    async def item(self, item: ItemRef) -> Item | None:
        query = select(sale_items).where(*_is(item))
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return Item.model_validate(row) if row else None

    async def _move(
        self, order: Order, kind: MovementKind, after: tuple[MovementKind, ...], **signs: int
    ) -> bool:
        """The next move of what the order holds, as large as the move it comes `after`. Raises
        LookupError when the item has not got that many."""
        before = stock_movements
        source = select(
            before.c.sale_id, before.c.sku_id, before.c.order_id, literal(kind), before.c.quantity
        ).where(before.c.order_id == order.order_id, before.c.kind.in_(after))
        # The movement goes in first: its unique keys decide whether there is anything to do, and
        # the item's row, for which all orders of the sale wait, is locked for the shortest time.
        moved = await self._connection.execute(
            insert(stock_movements)
            .from_select(_MOVEMENT_COLUMNS, source)
            .on_conflict_do_nothing()
            .returning(stock_movements.c.quantity)
        )
        quantity = moved.scalar_one_or_none()
        if quantity is None:
            return False
        column = sale_items.c
        enough = [column[name] >= quantity for name, sign in signs.items() if sign < 0]
        values = {name: column[name] + sign * quantity for name, sign in signs.items()}
        query = update(sale_items).where(*_is(order.item), *enough).values(values)
        if not await happened(self._connection, query):
            raise LookupError(f"the stock order {order.order_id} held is not on the books")
        return True


def _is(item: ItemRef) -> tuple[Any, Any]:
    return sale_items.c.sale_id == item.sale_id, sale_items.c.sku_id == item.sku_id
