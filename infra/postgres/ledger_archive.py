"""The ledger of a sale that was over long ago goes to the archive, order by order with its rows.

What a balance still needs of them is carried forward in the same transaction: units sold beside
their item, points beside their account. So every sum proves before, between and after.
"""

from datetime import datetime

from sqlalchemy import (
    CTE,
    ColumnElement,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.states import FINAL, OWNING_STOCK, PaymentStatus, RefundStatus, SaleStatus
from infra.postgres.notice_queue import WAITS
from infra.postgres.tables.attentions import attentions
from infra.postgres.tables.audits import audits
from infra.postgres.tables.deliveries import deliveries
from infra.postgres.tables.ledger_archive import (
    archived_orders,
    archived_payment_flows,
    archived_payment_notices,
    archived_payments,
    archived_points_entries,
    archived_refunds,
    archived_stock_movements,
)
from infra.postgres.tables.notices import payment_notices
from infra.postgres.tables.orders import archived_order_events, order_events, orders
from infra.postgres.tables.payments import payment_flows, payments
from infra.postgres.tables.points import points_accounts, points_debts, points_entries
from infra.postgres.tables.refunds import refunds
from infra.postgres.tables.sales import sale_items, sales
from infra.postgres.tables.stock import stock_movements

# What has a foreign key to the order goes before it.
_ROWS_OF_ORDERS = (
    (order_events, archived_order_events),
    (payment_notices, archived_payment_notices),
    (payment_flows, archived_payment_flows),
    (refunds, archived_refunds),
    (payments, archived_payments),
    (stock_movements, archived_stock_movements),
)


class LedgerArchive:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def due(self, ended_before: datetime) -> list[str]:
        """Sales that ended before then and still have orders here. All their items have left
        Redis, and an audit found everything in order since: what is not proven stays."""
        sound_at = select(func.max(audits.c.started_at)).where(audits.c.ok).scalar_subquery()
        in_use = exists().where(
            sale_items.c.sale_id == sales.c.sale_id,
            or_(
                sale_items.c.retired_at.is_(None),
                sale_items.c.retired_at >= func.coalesce(sound_at, sale_items.c.retired_at),
            ),
        )
        query = select(sales.c.sale_id).where(
            sales.c.ends_at < ended_before,
            sales.c.status != SaleStatus.DRAFT,
            ~in_use,
            exists().where(orders.c.sale_id == sales.c.sale_id),
        )
        return list((await self._connection.execute(query)).scalars())

    async def move(self, sale_id: str, closed_before: datetime, limit: int) -> int:
        """Orders of the sale that ended before then and of which nothing is open, with all their
        rows, `limit` of them at most. Answers how many went."""
        ids = await self._locked(sale_id, closed_before, limit)
        if not ids:
            return 0
        for table, archive in _ROWS_OF_ORDERS:
            moved, _ = _out_and_in(table, archive, ids)
            query = insert(archive).from_select([c.name for c in table.c], select(moved))
            await self._connection.execute(query)
        await self._carry_points_forward(ids)
        forgotten = delete(points_debts).where(points_debts.c.order_id.in_(ids))
        await self._connection.execute(forgotten)
        await self._carry_units_forward(ids)
        return len(ids)

    async def _locked(self, sale_id: str, closed_before: datetime, limit: int) -> list[str]:
        """Whoever changes something about an order locks it first, and finds none afterwards."""
        over = select(orders.c.order_id).where(*_is_over(closed_before))
        some = over.where(orders.c.sale_id == sale_id).limit(limit)
        locked = await self._connection.execute(some.with_for_update(skip_locked=True))
        ids = list(locked.scalars())
        # Asked again with the lock: a part may have been asked back since, which leaves the order
        # itself as it is.
        still = over.where(orders.c.order_id.in_(ids))
        return list((await self._connection.execute(still)).scalars())

    async def _carry_points_forward(self, ids: list[str]) -> None:
        moved, kept = _out_and_in(points_entries, archived_points_entries, ids)
        entry = moved.c
        sums = select(entry.user_id, func.sum(entry.amount).label("points"))
        of_users = sums.group_by(entry.user_id).cte("of_users")
        query = (
            update(points_accounts)
            .where(points_accounts.c.user_id == of_users.c.user_id)
            .values(archived=points_accounts.c.archived + of_users.c.points)
            .add_cte(kept)
        )
        await self._connection.execute(query)

    async def _carry_units_forward(self, ids: list[str]) -> None:
        moved, kept = _out_and_in(orders, archived_orders, ids)
        order = moved.c
        sold = func.sum(order.quantity).filter(order.status.in_(OWNING_STOCK))
        sums = select(order.sale_id, order.sku_id, func.coalesce(sold, 0).label("units"))
        of_items = sums.group_by(order.sale_id, order.sku_id).cte("of_items")
        item = sale_items.c
        query = (
            update(sale_items)
            .where(item.sale_id == of_items.c.sale_id, item.sku_id == of_items.c.sku_id)
            .values(archived=item.archived + of_items.c.units)
            .add_cte(kept)
        )
        await self._connection.execute(query)


def _out_and_in(table: Table, archive: Table, ids: list[str]) -> tuple[CTE, CTE]:
    """One statement's parts: no moment and no crash leaves a row in both or in neither."""
    moved = delete(table).where(table.c.order_id.in_(ids)).returning(*table.c).cte("moved")
    names = [column.name for column in table.c]
    return moved, insert(archive).from_select(names, select(moved)).cte("kept")


def _is_over(closed_before: datetime) -> tuple[ColumnElement[bool], ...]:
    order = orders.c

    def none(table: Table, *terms: ColumnElement[bool]) -> ColumnElement[bool]:
        return ~exists().where(table.c.order_id == order.order_id, and_(True, *terms))

    may_be_paid = payments.c.status == PaymentStatus.CREATED, payments.c.ask_at.is_not(None)
    return (
        order.status.in_(FINAL),
        order.closed_at < closed_before,
        # Those that are done went before, by themselves.
        none(deliveries),
        none(refunds, refunds.c.status != RefundStatus.DONE),
        none(payments, *may_be_paid),
        # A bill that lists it is still to be compared.
        none(payment_flows, payment_flows.c.at >= closed_before),
        none(points_debts, points_debts.c.owed > 0),
        none(attentions, attentions.c.resolved_at.is_(None)),
        none(payment_notices, WAITS),
    )
