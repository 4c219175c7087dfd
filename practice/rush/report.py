"""The end of a rush: what the crowd saw, what the audit says."""

from collections import Counter
from collections.abc import Mapping

from pydantic import Field

from domain.audit import Check
from domain.model import Value
from domain.payment import PaymentMethod
from domain.states import OrderStatus
from practice.rush.notes import Notes, Quantiles, Wait
from practice.rush.plan import RushPlan

SOLD = (OrderStatus.PAID, OrderStatus.FULFILLED)


class RushReport(Value):
    """`waits` in milliseconds. `orders` counts the orders the crowd was given by their last
    status, `paid_by` those that were sold by how they were paid. `room`: what became of those who
    came to a room, where there was one, `joins` how often they clicked at its door."""

    plan: RushPlan
    sale_id: str
    seconds: float
    clicks: int
    answers: Mapping[str, int]
    faults: Mapping[str, int]
    orders: Mapping[OrderStatus, int]
    paid_by: Mapping[PaymentMethod, int]
    paid_without_notice: int
    waits: Mapping[Wait, Quantiles]
    crowd: tuple[Check, ...]
    audit: tuple[Check, ...]
    joins: int = 0
    room: Mapping[str, int] = Field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """No audit is no proof."""
        return bool(self.audit) and all(check.ok for check in (*self.crowd, *self.audit))

    @property
    def sold(self) -> int:
        return sum(self.orders.get(status, 0) for status in SOLD)


def report_of(
    plan: RushPlan,
    notes: Notes,
    *,
    sale_id: str,
    seconds: float,
    crowd: tuple[Check, ...],
    audit: tuple[Check, ...],
) -> RushReport:
    sold = [order for order in notes.orders.values() if order.status in SOLD]
    return RushReport(
        plan=plan,
        sale_id=sale_id,
        seconds=seconds,
        clicks=notes.clicks,
        answers=dict(notes.answers),
        faults=dict(notes.faults),
        orders=dict(notes.statuses()),
        paid_by=Counter(one.seen.payment.method for one in sold if one.seen and one.seen.payment),
        paid_without_notice=sum(one.notice_lost for one in sold),
        waits=notes.quantiles(),
        crowd=crowd,
        audit=audit,
        joins=notes.room.joins,
        room=notes.room.counts(),
    )
