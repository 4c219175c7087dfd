"""Deliveries that need a person: raised when one is given up, resolved when it is decided."""

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.actors import SYSTEM
from domain.attention import AttentionKind
from domain.delivery import DeliveryKind
from domain.order import EventKind
from infra.postgres.attentions import Attentions
from infra.postgres.orders import Orders


async def raise_failed(
    connection: AsyncConnection, order_id: str, kind: DeliveryKind, error: str, *, tries: int
) -> None:
    await Attentions(connection).raise_(
        AttentionKind.DELIVERY_FAILED,
        _subject(order_id, kind),
        order_id=order_id,
        what=f"The buyer did not get: {kind} ({error})",
        advice="Put right what the error names and retry the delivery; or skip it, if the buyer "
        "was given it otherwise or must do without.",
        step=f"deliver {kind}",
        tries=tries,
    )
    await Orders(connection).record(order_id, EventKind.DELIVERY_FAILED, SYSTEM, f"{kind}: {error}")


async def resolve_failed(
    connection: AsyncConnection, order_id: str, kind: DeliveryKind, actor: str, reason: str
) -> None:
    """Harmless where none was raised."""
    await Attentions(connection).resolve(
        AttentionKind.DELIVERY_FAILED, _subject(order_id, kind), actor, reason
    )


def _subject(order_id: str, kind: DeliveryKind) -> str:
    # One is open per subject, so each delivery of an order is raised and resolved by itself.
    return f"{order_id}:{kind}"
