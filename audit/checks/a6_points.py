"""A6: points accounts equal their entries, and no order moves points twice."""

from sqlalchemy import Select, distinct, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.findings import Finding, Look
from audit.queries import fetch_all, flows_per_order, or_zero, total
from audit.sources import AuditSources
from audit.window import among
from domain.model import Value
from domain.points import PointsKind
from infra.postgres.tables.points import points_accounts, points_entries

RULE = "entries sum to the balance; one debit and one credit per order, credit within debit"


class UnbalancedAccount(Value):
    """Points in an account beside the sum of its entries."""

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


async def look(sources: AuditSources) -> Look:
    async with sources.database.transaction() as connection:
        users = sources.window.users if sources.window else None
        accounts = await accounts_out_of_balance(connection, users)
        orders = await orders_out_of_balance(connection, sources.orders_within)
    findings = {f"account {account.user_id}": account.finding() for account in accounts}
    findings |= {order.order_id: order.finding() for order in orders}
    return Look("points accounts", RULE, findings)


async def accounts_out_of_balance(
    connection: AsyncConnection, user_ids: tuple[str, ...] | None = None
) -> list[UnbalancedAccount]:
    """Accounts whose entries do not sum to the balance."""
    entries = func.coalesce(func.sum(points_entries.c.amount), 0)
    account = points_accounts.c
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
