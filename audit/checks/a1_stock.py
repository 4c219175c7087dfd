"""A1: in Postgres every unit is available, held or sold, and orders and movements say the same."""

from audit.findings import Finding, Looked, counted
from audit.sources import AuditSources
from infra.postgres.audit_queries import AuditQueries
from infra.postgres.audit_values import StrayMovement, UnbalancedItem
from infra.postgres.stock import Stock

RULE = "available + held + sold = total, and orders and movements add up to the same"


async def look(sources: AuditSources) -> Looked:
    async with sources.database.transaction() as connection:
        items = await Stock(connection).items()
        unbalanced = await AuditQueries(connection).items_out_of_balance()
        strays = await AuditQueries(connection).stray_movements()
    findings = {f"{item.sale_id}/{item.sku_id}": _unbalanced(item) for item in unbalanced}
    findings |= {stray.order_id: _stray(stray) for stray in strays}
    units = sum(item.total for item in items)
    covered = f"{counted(len(items), 'item')}, {counted(units, 'unit')}"
    return Looked(covered, RULE, findings)


def _unbalanced(item: UnbalancedItem) -> Finding:
    figures = [
        ("total", item.total, item.available + item.held + item.sold, "available + held + sold"),
        ("total", item.total, item.total_moved, "its openings and restocks"),
        ("held", item.held, item.held_by_orders, "its orders"),
        ("held", item.held, item.held_moved, "its movements"),
        ("sold", item.sold, item.sold_by_orders, "its orders"),
        ("sold", item.sold, item.sold_moved, "its movements"),
    ]
    wrong = [
        f"{name} is {figure} but {said} by {source}"
        for name, figure, said, source in figures
        if figure != said
    ]
    what = f"item {item.sku_id} of sale {item.sale_id}: {', '.join(wrong)}"
    return Finding(what, item=item.ref)


def _stray(stray: StrayMovement) -> Finding:
    status = stray.status or "unknown for this item"
    moved = f"its movements leave {stray.held_moved} held and {stray.sold_moved} sold"
    what = f"order {stray.order_id} of {counted(stray.quantity, 'unit')} is {status}, but {moved}"
    return Finding(what, orders=(stray.order_id,))
