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
    # Another amount arrived than was asked for: the order never takes it, so it goes back.
    MISMATCHED = "mismatched"


class RefundStatus(StrEnum):
    REQUESTED = "requested"
    # The provider will do it, which is not the same as having done it.
    ACCEPTED = "accepted"
    DONE = "done"
    # Not an end: whoever looks at it may put the cause right and have it asked for again.
    FAILED = "failed"


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


# The gate takes orders, as far as the sale's window allows.
SELLING = frozenset({SaleStatus.PUBLISHED, SaleStatus.OPEN})
# Its items are known to the gate and its clock runs: what is paused goes on.
AT_THE_GATE = SELLING | {SaleStatus.PAUSED}
# For good, and maybe before the window's end.
ENDED_EARLY = frozenset({SaleStatus.CLOSED, SaleStatus.SETTLED, SaleStatus.CANCELLED})
# A draft is nobody's business yet, and a cancelled sale must not look like one to wait for.
ON_SHOW = frozenset(SaleStatus) - {SaleStatus.DRAFT, SaleStatus.CANCELLED}

# A status is changed by compare-and-set along these arrows and never by a plain write: a payment
# and a cancel of the same moment would overwrite each other, and the later one would win.
SALE_TRANSITIONS: Mapping[SaleStatus, Set[SaleStatus]] = {
    SaleStatus.DRAFT: {SaleStatus.PUBLISHED, SaleStatus.CANCELLED},
    # Open it is by the clock; a row says so only where a person wrote it.
    SaleStatus.PUBLISHED: {SaleStatus.PAUSED, SaleStatus.CLOSED, SaleStatus.CANCELLED},
    SaleStatus.OPEN: {SaleStatus.PAUSED, SaleStatus.CLOSED, SaleStatus.CANCELLED},
    SaleStatus.PAUSED: {SaleStatus.PUBLISHED, SaleStatus.CLOSED, SaleStatus.CANCELLED},
    SaleStatus.CLOSED: {SaleStatus.SETTLED, SaleStatus.CANCELLED},
    SaleStatus.SETTLED: set(),
    SaleStatus.CANCELLED: set(),
}

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
    # Only where the sale honours late payments and stock is still there. CANCELLED has no way
    # back: somebody wanted it so, and money that comes after it goes back.
    OrderStatus.TIMED_OUT: {OrderStatus.PAID},
    OrderStatus.REFUNDED: set(),
}

# A buyer's units count against the limit, and an item's against its total, in these alone. What
# is being refunded still counts: its stock comes back with the money, not before.
HOLDING_STOCK = frozenset({OrderStatus.PENDING_PAYMENT})
OWNING_STOCK = frozenset({OrderStatus.PAID, OrderStatus.FULFILLED, OrderStatus.REFUNDING})
UNFINISHED = frozenset({OrderStatus.QUEUED, OrderStatus.PENDING_PAYMENT})
# A workflow must be running for these: to be paid, or to be delivered what was paid for.
IN_HAND = UNFINISHED | {OrderStatus.PAID}
# Ended without a sale: Postgres has their stock back, so Redis may have it back too.
NEVER_SOLD = frozenset({OrderStatus.REJECTED, OrderStatus.CANCELLED, OrderStatus.TIMED_OUT})
# Its money goes back, or is back: the refund has a workflow of its own, which sees to its stock.
GIVEN_BACK = frozenset({OrderStatus.REFUNDING, OrderStatus.REFUNDED})
# No workflow runs any more; a refund or late money starts one of its own.
FINAL = frozenset(
    {
        OrderStatus.FULFILLED,
        OrderStatus.REJECTED,
        OrderStatus.CANCELLED,
        OrderStatus.TIMED_OUT,
        OrderStatus.REFUNDED,
    }
)
