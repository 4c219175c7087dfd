"""Deliveries as cases: asked for, given up and left to a person, decided, or moot."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.actors import SYSTEM
from domain.attention import AttentionKind
from domain.delivery import Delivery, DeliveryKind
from domain.model import Value
from domain.order import EventKind
from domain.states import DeliveryStatus, OrderStatus
from infra.postgres.attentions import Attentions
from infra.postgres.deliveries import Deliveries
from infra.postgres.orders import Orders

OPEN: Final = frozenset({DeliveryStatus.PENDING, DeliveryStatus.FAILED})
OWED_BY: Final = frozenset({OrderStatus.PAID, OrderStatus.FULFILLED})


class PaidOrder(Value):
    order_id: str


class DeliverOne(Value):
    """One more try, by an operator if `actor` and `reason` say so."""

    order_id: str
    kind: DeliveryKind
    actor: str = SYSTEM
    reason: str = ""


class GiveUpDelivery(Value):
    order_id: str
    kind: DeliveryKind
    error: str


class SkipDelivery(Value):
    order_id: str
    kind: DeliveryKind
    actor: str
    reason: str


class Owed(Value):
    """Where an order stands: what is still `open`, each with its tries and its last error."""

    order_status: OrderStatus
    open: tuple[Delivery, ...] = ()


async def call_a_person(connection: AsyncConnection, command: GiveUpDelivery) -> None:
    await Attentions(connection).raise_(
        AttentionKind.DELIVERY_FAILED,
        _subject(command.order_id, command.kind),
        order_id=command.order_id,
        what=f"The buyer did not get: {command.kind} ({command.error})",
        advice="Put right what the error names and retry the delivery; or skip it, if the buyer "
        "was given it otherwise or must do without.",
    )
    detail = f"{command.kind}: {command.error}"
    await Orders(connection).record(command.order_id, EventKind.DELIVERY_FAILED, SYSTEM, detail)


async def put_on_record(
    connection: AsyncConnection,
    delivery: Delivery,
    event: EventKind,
    decision: DeliverOne | SkipDelivery,
) -> None:
    detail = f"{delivery.kind} is {delivery.status}: {decision.reason}"
    await Orders(connection).record(delivery.order_id, event, decision.actor, detail)
    if delivery.status not in OPEN:
        await _close_case(connection, delivery, decision.actor, decision.reason)


async def _close_case(
    connection: AsyncConnection, delivery: Delivery, actor: str, reason: str
) -> None:
    subject = _subject(delivery.order_id, delivery.kind)
    await Attentions(connection).resolve(AttentionKind.DELIVERY_FAILED, subject, actor, reason)


def _subject(order_id: str, kind: DeliveryKind) -> str:
    return f"{order_id}:{kind}"


async def drop_if_moot(connection: AsyncConnection, order_id: str) -> OrderStatus | None:
    """The status of an order that owes nothing because it is given back, else None."""
    order = await Orders(connection).hold_still(order_id)
    if order is None or order.status in OWED_BY:
        return None
    deliveries = Deliveries(connection)
    for delivery in await deliveries.of_order(order_id):
        why = f"the order is {order.status}"
        if await deliveries.change_status(
            order_id, delivery.kind, OPEN, DeliveryStatus.SKIPPED, why
        ):
            await _close_case(connection, delivery, SYSTEM, why)
    return order.status
