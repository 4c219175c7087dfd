"""Reservations that Postgres knows no order for: on their way, or lost."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from audit.batches import batches
from audit.running_workflows import ended_orders
from audit.sources import AuditSources
from domain.reservation import Reservation
from domain.sale import ItemRef
from infra.postgres.audit_queries import AuditQueries


@dataclass(frozen=True)
class Unplaced:
    """`lost` have neither an order, nor a waiting intent, nor a running workflow, and are older
    than the grace. `reservations` counts all there are of the item."""

    lost: tuple[Reservation, ...]
    on_their_way: frozenset[str]
    reservations: int


async def unplaced_of(sources: AuditSources, item: ItemRef) -> Unplaced:
    """In the order of an order's way: reservation, row, intent, workflow. One that moves on
    between two of these reads is found by the later one."""
    seen, unknown = 0, dict[str, Reservation]()
    async for batch in batches(sources.gate.reservations(item)):
        seen += len(batch)
        known = await _known(sources, [reservation.order_id for reservation in batch])
        unknown |= {line.order_id: line for line in batch if line.order_id not in known}
    suspects = {name for name, line in unknown.items() if not _is_young(line, sources.grace)}
    if suspects:
        suspects -= await queued_orders(sources, item)
        suspects = set(await ended_orders(sources.client, suspects))
    lost = tuple(unknown[name] for name in sorted(suspects))
    return Unplaced(lost, frozenset(unknown.keys() - suspects), seen)


async def queued_orders(sources: AuditSources, item: ItemRef) -> set[str]:
    """Orders whose intent still waits for the dispatcher."""
    return {entry.subject async for entry in sources.intents.unfinished(item)}


async def _known(sources: AuditSources, order_ids: Collection[str]) -> Collection[str]:
    async with sources.database.transaction() as connection:
        return await AuditQueries(connection).known_orders(order_ids)


def _is_young(reservation: Reservation, grace: timedelta) -> bool:
    age_ms = datetime.now(UTC).timestamp() * 1000 - reservation.reserved_at_ms
    return age_ms < grace.total_seconds() * 1000
