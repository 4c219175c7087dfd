"""What nobody goes on with, as each minute's round finds it: cheap where all is well."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

from audit.findings import Finding, Look, look_until_sure
from audit.items import all_items
from audit.sources import AuditSources
from audit.unplaced import unplaced_of
from domain.reservation import Reservation
from domain.sale import ItemRef
from domain.states import AT_THE_GATE
from infra.postgres.refunds import Refunds, StandingRefund
from infra.postgres.sales import Sales

SALES_PER_PAGE = 100


async def held_without_order(sources: AuditSources) -> list[tuple[ItemRef, Reservation]]:
    """Units kept for an order that has no row, no waiting intent and nobody who makes one, found
    so at each of three looks."""
    seen: dict[str, tuple[ItemRef, Reservation]] = {}

    async def look() -> Look:
        findings: dict[str, Finding] = {}
        for item in await all_items(sources):
            for lost in (await unplaced_of(sources, item, only_held=True)).lost:
                seen[lost.order_id] = (item, lost)
                findings[lost.order_id] = Finding("held for nobody", (lost.order_id,), item)
        return Look(f"{len(findings)} held", "each has an order", findings)

    sure = await look_until_sure(look, sources.grace)
    return [seen[order_id] for order_id in sure.findings]


async def items_gone(sources: AuditSources) -> Mapping[str, Finding]:
    """Items on sale that Redis does not know: until somebody writes them again nobody can buy."""

    async def look() -> Look:
        items = [item async for item in _on_sale(sources)]
        gone = {f"{one.sale_id}/{one.sku_id}": one for one in items if not await _is_known(one)}
        findings = {
            name: Finding(f"item {name} is missing in Redis", item=item, whole=True)
            for name, item in gone.items()
        }
        return Look(f"{len(items)} items", "Redis knows each", findings)

    async def _is_known(item: ItemRef) -> bool:
        return sources.mending is None or await sources.mending.knows(item)

    # One that is just being published is known a moment later.
    return (await look_until_sure(look, sources.grace)).findings


async def _on_sale(sources: AuditSources) -> AsyncIterator[ItemRef]:
    cursor: str | None = None
    while True:
        async with sources.database.transaction() as connection:
            sales, cursor = await Sales(connection).page(cursor, SALES_PER_PAGE)
        for sale in sales:
            if sale.status in AT_THE_GATE and sale.ends_at > datetime.now(UTC):
                for item in sale.items:
                    if item.retired_at is None:
                        yield item.ref
        if cursor is None:
            return


async def refunds_without_workflow(sources: AuditSources) -> list[StandingRefund]:
    """Refunds that are not over, asked for longer ago than `overdue_after`, on which nobody
    works; longest waiting first."""
    before = datetime.now(UTC) - sources.overdue_after
    async with sources.database.transaction() as connection:
        standing = await Refunds(connection).standing_still(before)
    if not standing:
        return []
    # A provider takes days for some: those whose workflow is listed are not asked for one by one.
    running = {name async for name in sources.workflows.running_refunds()}
    names = [one.refund.workflow_id for one in standing]
    ended = await sources.workflows.ended(name for name in names if name not in running)
    return [one for one in standing if one.refund.workflow_id in ended]
