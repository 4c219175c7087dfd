"""What the crowd notes: every answer, every order it was given, how long it waited."""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from domain.model import Value
from domain.states import FINAL, OrderStatus
from practice.rush.room_notes import RoomNotes
from practice.rush.views import SeenOrder

ACCEPTED = "ACCEPTED"
UNANSWERED = "UNANSWERED"


class Conduct(StrEnum):
    """What a buyer did about an order, as far as the buyer can know it."""

    NOTHING = "nothing"
    PAID = "paid"
    PERHAPS_PAID = "perhaps_paid"
    CANCELLED = "cancelled"
    PERHAPS_CANCELLED = "perhaps_cancelled"


class Wait(StrEnum):
    """Waits that are measured."""

    CLICK = "click → answer"
    PLACING = "accepted → payable"
    CHECKOUT = "ask to pay → cashier"
    SETTLING = "money taken → paid"
    GIVING_UP = "cancel → cancelled"


@dataclass(slots=True)
class WonOrder:
    """One order from its buyer's side. Times are seconds since the epoch by the server's clock."""

    order_id: str
    user_id: str
    accepted_at: float
    conduct: Conduct = Conduct.NOTHING
    cancel_sent_at: float | None = None
    notice_lost: bool = False
    seen: SeenOrder | None = None

    @property
    def status(self) -> OrderStatus:
        return self.seen.status if self.seen else OrderStatus.QUEUED

    @property
    def pay_deadline(self) -> float | None:
        deadline = self.seen.pay_deadline if self.seen else None
        return deadline.timestamp() if deadline else None

    @property
    def at_rest(self) -> bool:
        """Nothing is left that the buyer waits for; what was paid may still be delivered."""
        return self.status is OrderStatus.PAID or self.status in FINAL


class Quantiles(Value):
    """Milliseconds."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Quantiles | None":
        ordered = sorted(1000 * one for one in seconds)
        if not ordered:
            return None
        # Nearest rank: each of them is a wait that really was.
        p50, p95, p99 = (
            ordered[max(0, math.ceil(share * len(ordered)) - 1)] for share in (0.5, 0.95, 0.99)
        )
        return cls(count=len(ordered), p50=p50, p95=p95, p99=p99, most=ordered[-1])


@dataclass(slots=True)
class StreamNotes:
    """`missed`: what somebody was not told by his stream, one line each."""

    cuts: int = 0
    told: int = 0
    missed: list[str] = field(default_factory=list)


class Notes:
    """`clock_ahead`: seconds by which the server's clock is before ours. `told`: the orders each
    buyer was given. `breaches`: answers that contradict earlier ones, one line each."""

    def __init__(self) -> None:
        self.clock_ahead = 0.0
        self.clicks = 0
        self.answers: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.refused_buyers: dict[str, set[str]] = defaultdict(set)
        self.orders: dict[str, WonOrder] = {}
        self.told: dict[str, set[str]] = defaultdict(set)
        self.breaches: list[str] = []
        self.waits: dict[Wait, list[float]] = defaultdict(list)
        self.room = RoomNotes()
        # Whose click may have been heard though no answer said so: once his order is over, asking
        # again without a key makes another.
        self.unsure: set[str] = set()
        self.streams = StreamNotes()

    def now(self) -> float:
        """The server's clock."""
        return time.time() + self.clock_ahead

    def accepted(self, user_id: str, order_id: str) -> tuple[WonOrder, bool]:
        """What is known of this order, and whether this is the first word of it."""
        known = self.orders.get(order_id)
        if known is None:
            known = self.orders[order_id] = WonOrder(order_id, user_id, self.now())
            self.told[user_id].add(order_id)
            return known, True
        if known.user_id != user_id:
            self.breaches.append(f"{order_id} was given to {known.user_id} and to {user_id}")
        return known, False

    def refused(self, user_id: str, reason: str) -> None:
        self.refused_buyers[reason].add(user_id)

    def statuses(self) -> Counter[OrderStatus]:
        return Counter(order.status for order in self.orders.values())

    def quantiles(self) -> dict[Wait, Quantiles]:
        measured = ((wait, Quantiles.of(self.waits[wait])) for wait in Wait)
        return {wait: quantiles for wait, quantiles in measured if quantiles}
