"""A1: in Postgres every unit is available, held or sold, and orders and movements say the same."""

from typing import Any

from sqlalchemy import Column, ColumnElement, Subquery, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.findings import Finding, Look, counted
from audit.queries import fetch_all, or_zero, same_item, total
from audit.sources import AuditSources
from audit.window import among, rows_among
from domain.model import Value
from domain.sale import ItemRef
from domain.states import HOLDING_STOCK, OWNING_STOCK, OrderStatus
from infra.postgres.stock import Stock
from infra.postgres.tables.orders import orders
from infra.postgres.tables.sales import sale_items
from infra.postgres.tables.stock import stock_movements

RULE = "available + held + sold = total, and orders and movements add up to the same"


class UnbalancedItem(Value):
    """An item's own figures beside the sums over its orders and over its movements; what of them is
    in the archive is added."""

    sale_id: str
    sku_id: str
    total: int
    available: int
    held: int
    sold: int
    held_by_orders: int
    sold_by_orders: int
    total_moved: int
    held_moved: int
    sold_moved: int

    @property
    def ref(self) -> ItemRef:
        return ItemRef(sale_id=self.sale_id, sku_id=self.sku_id)

    def finding(self) -> Finding:
        parts = self.available + self.held + self.sold
        figures = [
            ("total", self.total, parts, "available + held + sold"),
            ("total", self.total, self.total_moved, "its openings and restocks"),
            ("held", self.held, self.held_by_orders, "its orders"),
            ("held", self.held, self.held_moved, "its movements"),
            ("sold", self.sold, self.sold_by_orders, "its orders"),
            ("sold", self.sold, self.sold_moved, "its movements"),
        ]
        wrong = [
            f"{name} is {figure} but {said} by {source}"
            for name, figure, said, source in figures
            if figure != said
        ]
        what = f"item {self.sku_id} of sale {self.sale_id}: {', '.join(wrong)}"
        return Finding(what, item=self.ref)


class StrayMovement(Value):
    """An order whose movements leave it with other units than its status says; `status` is None
    for movements of an order, or of an item, that the order's row does not know."""

    order_id: str
    status: OrderStatus | None
    quantity: int
    held_moved: int
    sold_moved: int

    def finding(self) -> Finding:
        of = f"order {self.order_id} of {counted(self.quantity, 'unit')}"
        status = self.status or "unknown for this item"
        moved = f"its movements leave {self.held_moved} held and {self.sold_moved} sold"
        return Finding(f"{of} is {status}, but {moved}", orders=(self.order_id,))


async def look(sources: AuditSources) -> Look:
    async with sources.database.transaction() as connection:
        items = [
            item
            for item in await Stock(connection).items()
            if sources.window is None or item.sale_id in sources.window.sale_set
        ]
        unbalanced = await items_out_of_balance(connection, sources.sales_within)
        strays = await stray_movements(connection, sources.orders_within)
    findings = {f"{item.sale_id}/{item.sku_id}": item.finding() for item in unbalanced}
    findings |= {stray.order_id: stray.finding() for stray in strays}
    units = sum(item.total for item in items)
    covered = f"{counted(len(items), 'item')}, {counted(units, 'unit')}"
    return Look(covered, RULE, findings)


async def items_out_of_balance(
    connection: AsyncConnection, sale_ids: tuple[str, ...] | None = None
) -> list[UnbalancedItem]:
    """Items whose figures do not add up, or differ from their orders or movements."""
    item, ordered = sale_items.c, _stock_by_orders(sale_ids)
    movement = stock_movements.c
    within = among(movement.sale_id, sale_ids)
    moved = _moved_by("moved_by_item", within, movement.sale_id, movement.sku_id)
    sums = {
        "held_by_orders": or_zero(ordered.c.held),
        "sold_by_orders": or_zero(ordered.c.sold) + item.archived,
        "total_moved": or_zero(moved.c.total),
        "held_moved": or_zero(moved.c.held),
        "sold_moved": or_zero(moved.c.sold) + item.archived,
    }
    query = (
        select(sale_items, *(column.label(name) for name, column in sums.items()))
        .join(ordered, same_item(item, ordered.c), isouter=True)
        .join(moved, same_item(item, moved.c), isouter=True)
        .where(
            among(item.sale_id, sale_ids),
            or_(
                item.total != item.available + item.held + item.sold,
                item.held != sums["held_by_orders"],
                item.sold != sums["sold_by_orders"],
                item.total != sums["total_moved"],
                item.held != sums["held_moved"],
                item.sold != sums["sold_moved"],
            ),
        )
        .order_by(item.item_number)
    )
    return await fetch_all(connection, query, UnbalancedItem)


async def stray_movements(
    connection: AsyncConnection, order_ids: tuple[str, ...] | None = None
) -> list[StrayMovement]:
    """Orders whose movements disagree with their status, and movements of no order."""
    movement, ordered = stock_movements.c, rows_among(orders, "order_id", order_ids)
    order, within = ordered.c, among(movement.order_id, order_ids)
    moved = _moved_by(
        "moved_by_order", within, movement.order_id, movement.sale_id, movement.sku_id
    )
    should_hold = case((order.status.in_(HOLDING_STOCK), order.quantity), else_=0)
    should_own = case((order.status.in_(OWNING_STOCK), order.quantity), else_=0)
    held, sold = or_zero(moved.c.held), or_zero(moved.c.sold)
    # The item belongs to the key: movements on another item than the order's are of no order.
    both = and_(moved.c.order_id == order.order_id, same_item(moved.c, order))
    query = (
        select(
            func.coalesce(order.order_id, moved.c.order_id).label("order_id"),
            order.status,
            or_zero(order.quantity).label("quantity"),
            held.label("held_moved"),
            sold.label("sold_moved"),
        )
        .select_from(ordered.join(moved, both, full=True))
        .where(or_(held != should_hold, sold != should_own))
    )
    return await fetch_all(connection, query, StrayMovement)


def _stock_by_orders(sale_ids: tuple[str, ...] | None) -> Subquery:
    order = orders.c
    return (
        select(
            order.sale_id,
            order.sku_id,
            total(order.quantity, order.status.in_(HOLDING_STOCK)).label("held"),
            total(order.quantity, order.status.in_(OWNING_STOCK)).label("sold"),
        )
        .where(among(order.sale_id, sale_ids))
        .group_by(order.sale_id, order.sku_id)
        .subquery("stock_by_orders")
    )


def _moved_by(name: str, within: ColumnElement[bool], *key: Column[Any]) -> Subquery:
    """What each key's movements come to: units ever put on sale, held now and sold now."""
    kind, quantity = stock_movements.c.kind, stock_movements.c.quantity
    came = total(quantity, kind.in_(["opening", "restock"]))
    held = total(quantity, kind == "hold") - total(quantity, kind.in_(["release", "sell"]))
    sold = total(quantity, kind.in_(["sell", "sell_again"])) - total(quantity, kind == "take_back")
    query = select(*key, came.label("total"), held.label("held"), sold.label("sold"))
    # Openings and restocks are of no order.
    of_key = (column.is_not(None) for column in key)
    return query.where(within, *of_key).group_by(*key).subquery(name)
