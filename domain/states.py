"""State machines: which change of a status is allowed."""

from collections.abc import Mapping, Set
from enum import StrEnum


class SaleStatus(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"
    SETTLED = "settled"
    CANCELLED = "cancelled"


class OrderStatus(StrEnum):
    QUEUED = "queued"
    PENDING_PAYMENT = "pending_payment"
    PAID = "paid"
    FULFILLED = "fulfilled"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class PaymentStatus(StrEnum):
    CREATED = "created"
    PAID = "paid"
    CLOSED = "closed"
    REFUNDED = "refunded"
    MISMATCHED = "mismatched"


class RefundStatus(StrEnum):
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    DONE = "done"
    FAILED = "failed"


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


ORDER_TRANSITIONS: Mapping[OrderStatus, Set[OrderStatus]] = {
    OrderStatus.QUEUED: {OrderStatus.PENDING_PAYMENT, OrderStatus.REJECTED},
    OrderStatus.PENDING_PAYMENT: {
        OrderStatus.PAID,
        OrderStatus.CANCELLED,
        OrderStatus.TIMED_OUT,
    },
    OrderStatus.PAID: {OrderStatus.FULFILLED, OrderStatus.REFUNDING},
    OrderStatus.FULFILLED: {OrderStatus.REFUNDING},
    OrderStatus.REFUNDING: {OrderStatus.REFUNDED},
    OrderStatus.REJECTED: set(),
    OrderStatus.CANCELLED: set(),
    # Only where the sale honours late payments and stock is still there.
    OrderStatus.TIMED_OUT: {OrderStatus.PAID},
    OrderStatus.REFUNDED: set(),
}

HOLDING_STOCK = frozenset({OrderStatus.PENDING_PAYMENT})
OWNING_STOCK = frozenset({OrderStatus.PAID, OrderStatus.FULFILLED, OrderStatus.REFUNDING})
UNFINISHED = frozenset({OrderStatus.QUEUED, OrderStatus.PENDING_PAYMENT})
# A workflow must be running for these: to be paid, or to be delivered what was paid for.
IN_HAND = UNFINISHED | {OrderStatus.PAID}
FINAL = frozenset(
    {
        OrderStatus.FULFILLED,
        OrderStatus.REJECTED,
        OrderStatus.CANCELLED,
        OrderStatus.TIMED_OUT,
        OrderStatus.REFUNDED,
    }
)
