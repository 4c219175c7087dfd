"""A7: every accepted intent became an order or an explicit rejection, or is on its way."""

from audit.findings import Finding, Look, counted
from audit.sources import AuditSources
from audit.unplaced import unplaced_of
from domain.reservation import Reservation
from domain.sale import ItemRef
from infra.redis.intent_entries import DeadIntent

RULE = "each became an order or a rejection"


async def look(sources: AuditSources) -> Look:
    findings: dict[str, Finding] = {}
    reservations = on_their_way = 0
    for item in await sources.intents.items():
        unplaced = await unplaced_of(sources, item)
        findings |= {lost.order_id: _lost(item, lost) for lost in unplaced.lost}
        # A dead intent says more about its order than that it is lost.
        findings |= {_subject(dead): _dead(dead) async for dead in sources.intents.dead(item)}
        reservations += unplaced.reservations
        on_their_way += len(unplaced.on_their_way)
    covered = f"{counted(reservations, 'accepted intent')}, {on_their_way} on their way"
    return Look(covered, RULE, findings)


def _lost(item: ItemRef, lost: Reservation) -> Finding:
    what = (
        f"order {lost.order_id} was accepted ({lost.state} in Redis), "
        "but has no row, no waiting intent and no running workflow"
    )
    return Finding(what, orders=(lost.order_id,), item=item)


def _subject(dead: DeadIntent) -> str:
    return dead.fields.get("order_id") or f"dead {dead.dead_id}"


def _dead(dead: DeadIntent) -> Finding:
    order_id = dead.fields.get("order_id", "")
    whose = f"of order {order_id}" if order_id else f"{dead.entry_id} without an order id"
    what = f"the intent {whose} was given up: {dead.error}"
    return Finding(what, orders=(order_id,) if order_id else (), item=dead.item)
