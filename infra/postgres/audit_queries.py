"""What the audit asks Postgres. Every rule is one statement, so it sees one moment."""

from collections.abc import AsyncIterator, Collection
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    distinct,
    func,
    not_,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Value
from domain.payment import PaymentMethod
from domain.points import PointsKind
from domain.sale import ItemRef
from domain.states import HOLDING_STOCK, IN_HAND, OWNING_STOCK, OrderStatus
from infra.postgres.audit_sums import (
    flows_per_order,
    moved_per_order,
    or_zero,
    partial_refunds,
    points_charges,
    refunds_on_their_way,
    same_item,
    stock_by_movements,
    stock_by_orders,
    total,
)
from infra.postgres.audit_values import (
    AccountBreak,
    MoneyBreak,
    PaymentMoney,
    PointsBreak,
    StockOrder,
    StrayMovement,
    UnbalancedItem,
    UserAboveLimit,
)
from infra.postgres.tables.orders import orders
from infra.postgres.tables.payments import payment_flows, payments
from infra.postgres.tables.points import points_accounts, points_entries
from infra.postgres.tables.sales import sale_items

BATCH = 1000
Query: TypeAlias = Select[*tuple[Any, ...]]
_V = TypeVar("_V", bound=Value)


class AuditQueries:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def items_out_of_balance(self) -> list[UnbalancedItem]:
        """A1: items whose figures do not add up, or differ from their orders or movements."""
        item, ordered, moved = sale_items.c, stock_by_orders(), stock_by_movements()
        sums = {
            "held_by_orders": or_zero(ordered.c.held),
            "sold_by_orders": or_zero(ordered.c.sold),
            "total_moved": or_zero(moved.c.total),
            "held_moved": or_zero(moved.c.held),
            "sold_moved": or_zero(moved.c.sold),
        }
        query = (
            select(sale_items, *(column.label(name) for name, column in sums.items()))
            .join(ordered, same_item(item, ordered.c), isouter=True)
            .join(moved, same_item(item, moved.c), isouter=True)
            .where(
                or_(
                    item.total != item.available + item.held + item.sold,
                    item.held != sums["held_by_orders"],
                    item.sold != sums["sold_by_orders"],
                    item.total != sums["total_moved"],
                    item.held != sums["held_moved"],
                    item.sold != sums["sold_moved"],
                )
            )
            .order_by(item.item_number)
        )
        return await self._all(query, UnbalancedItem)

    async def stray_movements(self) -> list[StrayMovement]:
        """A1: orders whose movements disagree with their status, and movements of no order."""
        return await self._all(_stray_movements(), StrayMovement)

    async def stock_orders(self, item: ItemRef) -> AsyncIterator[StockOrder]:
        """A2: every order of an item, whatever its status, by order id."""
        query = select(orders).where(
            orders.c.sale_id == item.sale_id, orders.c.sku_id == item.sku_id
        )
        async for order in self._each(query, orders.c.order_id, StockOrder):
            yield order

    async def users_above_limit(self) -> list[UserAboveLimit]:
        """A3: who holds or owns more of an item than its limit allows."""
        units = func.sum(orders.c.quantity)
        ids = func.array_agg(orders.c.order_id)
        query = (
            select(
                orders.c.sale_id,
                orders.c.sku_id,
                orders.c.user_id,
                units.label("quantity"),
                sale_items.c.per_user_limit,
                ids.label("orders"),
            )
            .join(sale_items, same_item(orders.c, sale_items.c))
            .where(orders.c.status.in_(HOLDING_STOCK | OWNING_STOCK))
            .group_by(
                orders.c.sale_id, orders.c.sku_id, orders.c.user_id, sale_items.c.per_user_limit
            )
            .having(units > sale_items.c.per_user_limit)
        )
        return await self._all(query, UserAboveLimit)

    async def unfinished_orders(self) -> AsyncIterator[StockOrder]:
        """A4: orders that must have a running workflow."""
        query = select(orders).where(orders.c.status.in_(IN_HAND))
        async for order in self._each(query, orders.c.order_id, StockOrder):
            yield order

    async def known_orders(self, order_ids: Collection[str]) -> dict[str, OrderStatus]:
        """A4, A7: those of the ids that have a row, and its status."""
        query = select(orders.c.order_id, orders.c.status).where(orders.c.order_id.in_(order_ids))
        rows = await self._connection.execute(query)
        return {order_id: OrderStatus(status) for order_id, status in rows}

    async def money_breaks(self) -> list[MoneyBreak]:
        """A5: orders that keep other money than they should. A paid one keeps its amount less its
        partial refunds, or the price in points of its points payment, never both; a refunding one
        may have given all back already; any other, and money of no order, keeps nothing."""
        return await self._all(_money_breaks(), MoneyBreak)

    async def payment_money(self) -> AsyncIterator[PaymentMoney]:
        """A5: what each payment at a provider received and gave back, as our ledger has it."""
        flow = payment_flows.c
        query = (
            select(
                payments.c.payment_id,
                payments.c.order_id,
                payments.c.method,
                total(flow.amount, flow.kind == "received").label("received"),
                total(flow.amount, flow.kind == "refunded").label("refunded"),
            )
            .join(payment_flows, flow.payment_id == payments.c.payment_id, isouter=True)
            .where(payments.c.method != PaymentMethod.POINTS)
            .group_by(payments.c.payment_id)
        )
        async for money in self._each(query, payments.c.payment_id, PaymentMoney):
            yield money

    async def accounts_out_of_balance(self) -> list[AccountBreak]:
        """A6: accounts whose entries do not sum to the balance."""
        entries = func.coalesce(func.sum(points_entries.c.amount), 0)
        account = points_accounts.c
        query = (
            select(account.user_id, account.balance, entries.label("entries"))
            .join(points_entries, points_entries.c.user_id == account.user_id, isouter=True)
            .group_by(account.user_id)
            .having(account.balance != entries)
        )
        return await self._all(query, AccountBreak)

    async def points_breaks(self) -> list[PointsBreak]:
        """A6: orders with two debits or credits, with a credit above or to another user than
        the debit, or whose points differ from their payment flows."""
        return await self._all(_points_breaks(), PointsBreak)

    async def _all(self, query: Query, value: type[_V]) -> list[_V]:
        rows = (await self._connection.execute(query)).mappings()
        return [value.model_validate(row) for row in rows]

    async def _each(
        self, query: Query, key: ColumnElement[str], value: type[_V]
    ) -> AsyncIterator[_V]:
        after = ""
        while True:
            batch = query.where(key > after).order_by(key).limit(BATCH)
            rows = (await self._connection.execute(batch)).mappings().all()
            for row in rows:
                yield value.model_validate(row)
            if len(rows) < BATCH:
                return
            after = rows[-1][key]


def _stray_movements() -> Query:
    moved = moved_per_order()
    wanted = case((orders.c.status.in_(HOLDING_STOCK), orders.c.quantity), else_=0)
    owned = case((orders.c.status.in_(OWNING_STOCK), orders.c.quantity), else_=0)
    both = and_(moved.c.order_id == orders.c.order_id, same_item(moved.c, orders.c))
    held, sold = or_zero(moved.c.held), or_zero(moved.c.sold)
    return (
        select(
            func.coalesce(orders.c.order_id, moved.c.order_id).label("order_id"),
            orders.c.status,
            or_zero(orders.c.quantity).label("quantity"),
            held.label("held_moved"),
            sold.label("sold_moved"),
        )
        .select_from(orders.join(moved, both, full=True))
        .where(or_(held != wanted, sold != owned))
    )


def _money_breaks() -> Query:
    flows, charge, returning = flows_per_order(), points_charges(), refunds_on_their_way()
    partial = partial_refunds()
    money, points = or_zero(flows.c.money), or_zero(flows.c.points)
    empty = and_(money == 0, points == 0)
    by_money = and_(money == orders.c.amount - or_zero(partial.c.amount), points == 0)
    by_points = and_(money == 0, points == charge.c.amount)
    full = func.coalesce(or_(by_money, by_points), False)
    sound = case(
        (orders.c.status == OrderStatus.REFUNDING, or_(full, empty)),
        (orders.c.status.in_(OWNING_STOCK), full),
        else_=empty,
    )
    order_id = func.coalesce(orders.c.order_id, flows.c.order_id)
    return (
        select(
            order_id.label("order_id"),
            orders.c.status,
            or_zero(orders.c.amount).label("amount"),
            or_zero(flows.c.received).label("received"),
            or_zero(flows.c.refunded).label("refunded"),
            or_zero(returning.c.amount).label("refunding"),
        )
        .select_from(
            orders.join(flows, flows.c.order_id == orders.c.order_id, full=True)
            .outerjoin(charge, charge.c.order_id == orders.c.order_id)
            .outerjoin(partial, partial.c.order_id == orders.c.order_id)
            .outerjoin(returning, returning.c.order_id == order_id)
        )
        .where(not_(sound))
    )


def _points_breaks() -> Query:
    entry, flows = points_entries.c, flows_per_order()
    debits, credits_ = entry.kind == PointsKind.DEBIT, entry.kind == PointsKind.CREDIT
    moved = (
        select(
            entry.order_id,
            (-total(entry.amount, debits)).label("debited"),
            total(entry.amount, credits_).label("credited"),
            func.count().filter(debits).label("debits"),
            func.count().filter(credits_).label("credits"),
            func.count(distinct(entry.user_id)).label("users"),
        )
        .where(entry.order_id.is_not(None), or_(debits, credits_))
        .group_by(entry.order_id)
        .subquery("points_moved")
    )
    debited, credited = or_zero(moved.c.debited), or_zero(moved.c.credited)
    flowed = or_zero(flows.c.points)
    return (
        select(
            func.coalesce(moved.c.order_id, flows.c.order_id).label("order_id"),
            debited.label("debited"),
            credited.label("credited"),
            flowed.label("flowed"),
        )
        .select_from(moved.join(flows, flows.c.order_id == moved.c.order_id, full=True))
        .where(
            or_(
                moved.c.debits > 1,
                moved.c.credits > 1,
                moved.c.users > 1,
                credited > debited,
                debited - credited != flowed,
            )
        )
    )
