"""Orders and what they are owed, as buyers and as operators see them."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from api.schemas.model import DAY_SECONDS, ReasonBody, View, such_as
from api.schemas.payments import PaymentSummary, payment_summary, shown_payment
from api.schemas.refunds import RefundSummary, refund_summary
from domain.actors import is_operator
from domain.delivery import Delivery, DeliveryKind
from domain.order import EventKind, Order, OrderDossier, OrderEvent
from domain.reservation import Reservation
from domain.sale import Item, ItemRef
from domain.states import DeliveryStatus, OrderStatus


class AcceptedView(View):
    order_id: str
    status: Literal["queued"]


class DeliveryView(View):
    kind: DeliveryKind
    status: DeliveryStatus
    attempts: int
    detail: str


class TimelineEntry(View):
    at: AwareDatetime
    event: str
    detail: str


class OrderSummary(View):
    order_id: str
    status: OrderStatus
    reason: str | None
    sale_id: str
    sku_id: str
    user_id: str
    quantity: int
    amount: int | None = Field(description="null only while the order waits and no price is known")
    currency: str | None
    created_at: AwareDatetime
    pay_deadline: AwareDatetime | None


class OrderView(OrderSummary):
    payment: PaymentSummary | None
    refunds: list[RefundSummary]
    deliveries: list[DeliveryView]
    timeline: list[TimelineEntry]


class OrdersPage(View):
    orders: list[OrderSummary]
    next_cursor: str | None


class ExtendBody(ReasonBody):
    model_config = such_as(seconds=600, reason="the bank is slow today")

    seconds: Annotated[int, Field(strict=True, ge=1, le=7 * DAY_SECONDS)]


class ActorTimelineEntry(TimelineEntry):
    actor: str


class OperatorOrderView(OrderView):
    """The buyer's view, and who did what."""

    payments: list[PaymentSummary]
    timeline: list[ActorTimelineEntry]  # type: ignore[assignment]


def order_summary(order: Order) -> OrderSummary:
    return OrderSummary.model_validate(order.model_dump())


def order_view(dossier: OrderDossier) -> OrderView:
    return OrderView(
        **dossier.order.model_dump(exclude={"closed_at"}),
        payment=shown_payment(dossier.payments),
        refunds=[refund_summary(refund) for refund in dossier.refunds],
        deliveries=[_delivery_for_buyer(delivery) for delivery in dossier.deliveries],
        # Who did something is for operators alone.
        timeline=[
            TimelineEntry(at=event.at, event=event.event, detail=_detail_for_buyer(event))
            for event in dossier.events
        ],
    )


def operator_order_view(dossier: OrderDossier) -> OperatorOrderView:
    return OperatorOrderView(
        **dossier.order.model_dump(exclude={"closed_at"}),
        payment=shown_payment(dossier.payments),
        payments=[payment_summary(payment) for payment in dossier.payments],
        refunds=[refund_summary(refund) for refund in dossier.refunds],
        deliveries=[_delivery_view(delivery) for delivery in dossier.deliveries],
        timeline=[ActorTimelineEntry(**event.model_dump()) for event in dossier.events],
    )


def queued_view(reservation: Reservation, ref: ItemRef, item: Item | None) -> OrderView:
    """An accepted order that Postgres does not know yet. Without `item` no price is known."""
    accepted_at = datetime.fromtimestamp(reservation.reserved_at_ms / 1000, UTC)
    return OrderView(
        order_id=reservation.order_id,
        status=OrderStatus.QUEUED,
        reason=None,
        sale_id=ref.sale_id,
        sku_id=ref.sku_id,
        user_id=reservation.user_id,
        quantity=reservation.quantity,
        amount=item.price * reservation.quantity if item else None,
        currency=item.currency if item else None,
        created_at=accepted_at,
        pay_deadline=None,
        payment=None,
        refunds=[],
        deliveries=[],
        timeline=[TimelineEntry(at=accepted_at, event="accepted", detail="")],
    )


def _detail_for_buyer(event: OrderEvent) -> str:
    """Not what an operator wrote for colleagues, nor the words of our own machinery that failed."""
    if is_operator(event.actor) or event.event is EventKind.DELIVERY_FAILED:
        return ""
    return event.detail


def _delivery_for_buyer(delivery: Delivery) -> DeliveryView:
    view = _delivery_view(delivery)
    # Until it is done the detail is an error's text, and a skipped one has the operator's reason.
    return view if view.status is DeliveryStatus.DONE else view.model_copy(update={"detail": ""})


def _delivery_view(delivery: Delivery) -> DeliveryView:
    return DeliveryView(**delivery.model_dump(exclude={"order_id"}))
