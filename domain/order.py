"""Orders: what a buyer owes or owns."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from domain.delivery import Delivery
from domain.ids import created_at_ms
from domain.model import Value
from domain.payment import Payment
from domain.refund import Refund
from domain.reservation import Intent
from domain.sale import ItemRef
from domain.states import OrderStatus


class RejectReason(StrEnum):
    """Why an accepted intent did not become an order to pay."""

    # Redis accepts what Postgres may still refuse: after Redis lost its last second, for example.
    SOLD_OUT = "sold_out"
    LIMIT_REACHED = "limit_reached"
    NOT_FOUND = "not_found"
    NOT_STARTED = "not_started"
    ENDED = "ended"
    PAUSED = "paused"
    SALE_CANCELLED = "sale_cancelled"
    RELEASED = "released"
    # Nobody's order but by a pass, and this one came without the gate.
    NOT_YOUR_TURN = "not_your_turn"


CANCELLED_BY_AN_OPERATOR = "cancelled by an operator"


class EventKind(StrEnum):
    """What may happen to an order, as its timeline names it."""

    PLACED = "placed"
    REJECTED = "rejected"
    PAYMENT_BEGUN = "payment_begun"
    DEADLINE_EXTENDED = "deadline_extended"
    RECHECK_ASKED = "recheck_asked"
    PAID = "paid"
    PAID_LATE = "paid_late"
    SURPLUS_MONEY = "surplus_money"
    FULFILLED = "fulfilled"
    DELIVERY_FAILED = "delivery_failed"
    DELIVERY_RETRIED = "delivery_retried"
    DELIVERY_SKIPPED = "delivery_skipped"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    REFUND_REQUESTED = "refund_requested"
    REFUND_RETRIED = "refund_retried"
    REFUND_FAILED = "refund_failed"
    REFUNDED = "refunded"


class OrderEvent(Value):
    """One thing that happened to an order: who (`actor`) did what, when. Written in the same
    transaction as what it tells, so that no event tells of what was rolled back."""

    at: datetime
    event: EventKind
    actor: str
    detail: str


class Order(Value):
    """`amount` in minor units."""

    order_id: str
    sale_id: str
    sku_id: str
    user_id: str
    quantity: int
    # As the sale said when the order was placed: a price that changes later changes no order.
    amount: int
    currency: str
    status: OrderStatus
    reason: str | None
    created_at: datetime
    pay_deadline: datetime | None
    closed_at: datetime | None = None

    @property
    def item(self) -> ItemRef:
        return ItemRef(sale_id=self.sale_id, sku_id=self.sku_id)

    @property
    def intent(self) -> Intent:
        """The order as Redis knows it."""
        return Intent(
            order_id=self.order_id,
            sale_id=self.sale_id,
            sku_id=self.sku_id,
            user_id=self.user_id,
            quantity=self.quantity,
        )

    @property
    def input_of_its_workflow(self) -> Intent:
        """Whoever starts the workflow, of an order that stands. Its gate accepted it long ago."""
        return self.intent.model_copy(update={"accepted_at_ms": created_at_ms(self.order_id)})


class OrderChange(NamedTuple):
    """That the view of a user's order has come to this version; what it shows is read, not told."""

    user_id: str
    order_id: str
    version: int


class OrderDossier(Value):
    """An order with everything that hangs on it, as the order view shows it."""

    order: Order
    payments: tuple[Payment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    events: tuple[OrderEvent, ...] = ()
