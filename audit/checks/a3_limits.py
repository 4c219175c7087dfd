"""A3: nobody holds or owns more units of an item than its limit allows."""

from audit.findings import Finding, Looked, counted
from audit.sources import AuditSources
from infra.postgres.audit_queries import AuditQueries
from infra.postgres.audit_values import UserAboveLimit
from infra.postgres.stock import Stock


async def look(sources: AuditSources) -> Looked:
    async with sources.database.transaction() as connection:
        items = await Stock(connection).items()
        above = await AuditQueries(connection).users_above_limit()
    findings = {f"{user.user_id} {user.sale_id}/{user.sku_id}": _above(user) for user in above}
    return Looked(counted(len(items), "item"), "nobody has more than the limit", findings)


def _above(user: UserAboveLimit) -> Finding:
    has = f"user {user.user_id} has {counted(user.quantity, 'unit')}"
    what = f"{has} of {user.sku_id} in sale {user.sale_id}, the limit is {user.per_user_limit}"
    return Finding(what, orders=user.orders)
