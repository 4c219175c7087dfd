"""Reservations that Postgres knows no order for: on their way, or lost."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from audit.batches import batches
from audit.queries import known_orders
from audit.running_workflows import ended_orders
from audit.sources import AuditSources
from domain.reservation import Reservation, ReservationState
from domain.sale import ItemRef


@dataclass(frozen=True)
class Unplaced:
    """`lost` have no order, no waiting intent, and either no running workflow or one that has had
    all the time it needed; they are older than the grace. `reservations` counts all there are of
    the item."""

    lost: tuple[Reservation, ...]
    on_their_way: frozenset[str]
    reservations: int


async def unplaced_of(sources: AuditSources, item: ItemRef, *, only_held: bool = False) -> Unplaced:
    """In the order of an order's way: reservation, row, intent, workflow. One that moves on
    between two of these reads is found by the later one. `only_held` asks Postgres for those
    alone, which are few beside all that a sale has sold."""
    seen, unknown = 0, dict[str, Reservation]()
    reservations = sources.gate.reservations(item)
    if only_held:
        reservations = _held(reservations)
    async for batch in batches(reservations):
        seen += len(batch)
        async with sources.database.transaction() as connection:
            known = await known_orders(connection, [one.order_id for one in batch])
        unknown |= {one.order_id: one for one in batch if one.order_id not in known}
    suspects = _older_than(sources.grace, unknown)
    if suspects:
        suspects -= await queued_orders(sources, item)
        ended = await ended_orders(sources.workflows, suspects)
        # A workflow writes its row in its first moments. One that has long been waiting without
        # a row wrote it before Postgres was put back, and will never write it again.
        suspects &= ended.keys() | _older_than(sources.overdue_after, unknown)
    lost = tuple(unknown[name] for name in sorted(suspects))
    return Unplaced(lost, frozenset(unknown.keys() - suspects), seen)


async def _held(reservations: AsyncIterator[Reservation]) -> AsyncIterator[Reservation]:
    async for reservation in reservations:
        if reservation.state is ReservationState.HELD:
            yield reservation


def _older_than(age: timedelta, reservations: Mapping[str, Reservation]) -> set[str]:
    until = (datetime.now(UTC) - age).timestamp() * 1000
    return {name for name, one in reservations.items() if one.reserved_at_ms <= until}


async def queued_orders(sources: AuditSources, item: ItemRef) -> set[str]:
    """Orders whose intent still waits for the dispatcher."""
    return {entry.subject async for entry in sources.intents.unfinished(item)}
