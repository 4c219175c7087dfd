"""Orders that were sold, and that Postgres has no row of: it was put back to an earlier moment."""

from collections.abc import Iterable

from audit.findings import counted
from audit.sources import AuditSources
from domain.attention import AttentionKind
from domain.reservation import Reservation, ReservationState
from domain.sale import ItemRef
from infra.postgres.attentions import Attentions


async def call_for_sold(
    sources: AuditSources, lost: Iterable[tuple[ItemRef, Reservation]]
) -> list[str]:
    """Their money is at a provider, under numbers only the provider knows by now. Answers which
    orders a person is called for."""
    called: list[str] = []
    for item, reservation in lost:
        if reservation.state is not ReservationState.SOLD:
            continue
        units = counted(reservation.quantity, "unit")
        what = (
            f"order {reservation.order_id} of user {reservation.user_id}, {units} of "
            f"{item.sku_id} in sale {item.sale_id}, was paid, but Postgres has no row of it. It is "
            "placed again, as far as there is stock, and waits to be paid."
        )
        advice = (
            "Look in the providers' consoles for payments whose number begins with "
            f"{reservation.order_id}, and for a points payment in the copy of Postgres that was "
            "given up. Give what was paid back there, or deliver by hand; the buyer does not pay "
            "twice."
        )
        async with sources.database.transaction() as connection:
            await Attentions(connection).raise_(
                AttentionKind.LOST_ORDER,
                reservation.order_id,
                order_id=reservation.order_id,
                what=what,
                advice=advice,
            )
        called.append(reservation.order_id)
    return called
