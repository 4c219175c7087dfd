"""A7: every accepted intent became an order or an explicit rejection, or is on its way."""

from audit.findings import Finding, Look, counted
from audit.items import all_items
from audit.sources import AuditSources
from audit.unplaced import unplaced_of

RULE = "each became an order or a rejection"


async def look(sources: AuditSources) -> Look:
    findings: dict[str, Finding] = {}
    reservations = on_their_way = 0
    for item in await all_items(sources):
        if sources.window is not None and item.sale_id not in sources.window.sale_set:
            continue
        unplaced = await unplaced_of(sources, item)
        for lost in unplaced.lost:
            what = (
                f"order {lost.order_id} was accepted ({lost.state} in Redis), "
                "but has no row, no waiting intent and no running workflow"
            )
            findings[lost.order_id] = Finding(what, orders=(lost.order_id,), item=item)
        # After the lost ones: a dead intent says more about its order than that it is lost.
        async for dead in sources.intents.dead(item):
            order_id = dead.fields.get("order_id", "")
            whose = f"of order {order_id}" if order_id else f"{dead.entry_id} without an order id"
            findings[order_id or f"dead {dead.dead_id}"] = Finding(
                f"the intent {whose} was given up: {dead.error}",
                orders=(order_id,) if order_id else (),
                item=dead.item,
            )
        reservations += unplaced.reservations
        on_their_way += len(unplaced.on_their_way)
    covered = f"{counted(reservations, 'accepted intent')}, {on_their_way} on their way"
    return Look(covered, RULE, findings)
