"""A6: points accounts equal their entries, and no order moves points twice."""

from audit.findings import Finding, Looked
from audit.sources import AuditSources
from infra.postgres.audit_queries import AuditQueries
from infra.postgres.audit_values import AccountBreak, PointsBreak

RULE = "entries sum to the balance; one debit and one credit per order, credit within debit"


async def look(sources: AuditSources) -> Looked:
    async with sources.database.transaction() as connection:
        accounts = await AuditQueries(connection).accounts_out_of_balance()
        orders = await AuditQueries(connection).points_breaks()
    findings = {f"account {account.user_id}": _account(account) for account in accounts}
    findings |= {order.order_id: _order(order) for order in orders}
    return Looked("points accounts", RULE, findings)


def _account(account: AccountBreak) -> Finding:
    sums = f"balance is {account.balance}, its entries sum to {account.entries}"
    return Finding(f"account of user {account.user_id}: {sums}")


def _order(order: PointsBreak) -> Finding:
    points = f"debited {order.debited}, credited {order.credited} points"
    what = f"order {order.order_id}: {points}, its payments account for {order.flowed}"
    return Finding(what, orders=(order.order_id,))
