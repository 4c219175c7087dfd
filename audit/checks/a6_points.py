"""A6: points accounts equal their entries, and no order moves points twice."""

from sqlalchemy import Select, and_, distinct, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.findings import Finding, Look
from audit.queries import fetch_all, flows_per_order, or_zero, total
from audit.sources import AuditSources
from audit.window import among, rows_among
from domain.model import Value
from domain.points import PointsKind
from domain.states import OrderStatus
from infra.postgres.tables.orders import orders
from infra.postgres.tables.points import points_accounts, points_debts, points_entries

RULE = (
    "entries sum to the balance; one debit and one credit per order, credit within debit;"
    " what refunded orders awarded is back or owed"
)


class UnbalancedAccount(Value):
    """Points in an account beside the sum of its entries, those in the archive too."""

    user_id: str
    balance: int
    entries: int

    def finding(self) -> Finding:
        sums = f"balance is {self.balance}, its entries sum to {self.entries}"
        return Finding(f"account of user {self.user_id}: {sums}")


class UnbalancedOrder(Value):
    """Points an order took and gave back, beside its net payment flow of points."""

    order_id: str
    debited: int
    credited: int
    flowed: int

    def finding(self) -> Finding:
        points = f"debited {self.debited}, credited {self.credited} points"
        what = f"order {self.order_id}: {points}, its payments account for {self.flowed}"
        return Finding(what, orders=(self.order_id,))


class UnbalancedAward(Value):
    """What an order awarded, beside what of it came back and what is owed."""

    order_id: str
    awarded: int
    back: int
    owed: int

    def finding(self) -> Finding:
        points = f"awarded {self.awarded}, {self.back} came back, {self.owed} are owed"
        return Finding(f"order {self.order_id}: {points} points", orders=(self.order_id,))


async def look(sources: AuditSources) -> Look:
    async with sources.database.transaction() as connection:
        users = sources.window.users if sources.window else None
        accounts = await accounts_out_of_balance(connection, users)
        unbalanced = await orders_out_of_balance(connection, sources.orders_within)
        awards = await awards_out_of_balance(connection, sources.orders_within)
    findings = {f"account {account.user_id}": account.finding() for account in accounts}
    findings |= {order.order_id: order.finding() for order in unbalanced}
    findings |= {f"award {order.order_id}": order.finding() for order in awards}
    return Look("points accounts", RULE, findings)


async def accounts_out_of_balance(
    connection: AsyncConnection, user_ids: tuple[str, ...] | None = None
) -> list[UnbalancedAccount]:
    """Accounts whose entries do not sum to the balance."""
    account = points_accounts.c
    entries = func.coalesce(func.sum(points_entries.c.amount), 0) + account.archived
    query = (
        select(account.user_id, account.balance, entries.label("entries"))
        .join(points_entries, points_entries.c.user_id == account.user_id, isouter=True)
        .where(among(account.user_id, user_ids))
        .group_by(account.user_id)
        .having(account.balance != entries)
    )
    return await fetch_all(connection, query, UnbalancedAccount)


async def orders_out_of_balance(
    connection: AsyncConnection, order_ids: tuple[str, ...] | None = None
) -> list[UnbalancedOrder]:
    """Orders with two debits or credits, with a credit above or to another user than the debit,
    or whose points differ from their payment flows."""
    moved, flows = _points_per_order(order_ids).subquery("points_moved"), flows_per_order(order_ids)
    debited, credited = or_zero(moved.c.debited), or_zero(moved.c.credited)
    flowed = or_zero(flows.c.points)
    query = (
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
    return await fetch_all(connection, query, UnbalancedOrder)


async def awards_out_of_balance(
    connection: AsyncConnection, order_ids: tuple[str, ...] | None = None
) -> list[UnbalancedAward]:
    """Refunded orders whose award is neither back nor owed, and orders that gave back or owe more
    than their award, or owe it for somebody else."""
    moved = _awards(order_ids).subquery("awards_moved")
    debts = rows_among(points_debts, "order_id", order_ids)
    owed = or_zero(debts.c.owed)
    undone = moved.c.back + owed
    query = (
        select(moved.c.order_id, moved.c.awarded, moved.c.back, owed.label("owed"))
        .join(debts, debts.c.order_id == moved.c.order_id, isouter=True)
        .join(orders, orders.c.order_id == moved.c.order_id, isouter=True)
        .where(
            or_(
                undone > moved.c.awarded,
                and_(orders.c.status == OrderStatus.REFUNDED, undone != moved.c.awarded),
                moved.c.users > 1,
                debts.c.user_id != moved.c.one_user,
            )
        )
    )
    return await fetch_all(connection, query, UnbalancedAward)


def _awards(order_ids: tuple[str, ...] | None) -> Select[tuple[str, int, int, int, str]]:
    entry = points_entries.c
    given, back = entry.kind == PointsKind.AWARD, entry.kind == PointsKind.AWARD_BACK
    return (
        select(
            entry.order_id,
            total(entry.amount, given).label("awarded"),
            (-total(entry.amount, back)).label("back"),
            func.count(distinct(entry.user_id)).label("users"),
            func.min(entry.user_id).label("one_user"),
        )
        .where(entry.order_id.is_not(None), among(entry.order_id, order_ids), or_(given, back))
        .group_by(entry.order_id)
    )


def _points_per_order(
    order_ids: tuple[str, ...] | None,
) -> Select[tuple[str, int, int, int, int, int]]:
    entry = points_entries.c
    debits, credits_ = entry.kind == PointsKind.DEBIT, entry.kind == PointsKind.CREDIT
    return (
        select(
            entry.order_id,
            (-total(entry.amount, debits)).label("debited"),
            total(entry.amount, credits_).label("credited"),
            func.count().filter(debits).label("debits"),
            func.count().filter(credits_).label("credits"),
            func.count(distinct(entry.user_id)).label("users"),
        )
        .where(entry.order_id.is_not(None), among(entry.order_id, order_ids), or_(debits, credits_))
        .group_by(entry.order_id)
    )
