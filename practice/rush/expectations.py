"""What must be true after a rush, judged by nothing but what the crowd saw.

The rules, in one place:
- A unit is somebody's from the moment an order is accepted until the buyer cancels or the time to
  pay runs out: never more at one moment than there are units, nor than one buyer may have.
- As long as a unit is free nobody is told that all are sold.
- An order ends as its buyer's conduct demands (`ENDINGS`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set

from domain.audit import Check
from domain.errors import ErrorCode
from domain.states import OrderStatus, PaymentStatus
from practice.rush.notes import UNANSWERED, Conduct, Notes, WonOrder
from practice.rush.plan import RushPlan

# Two clocks and the way between them never agree exactly.
CLOCK_SLACK_SECONDS = 0.1

_SOLD = frozenset({OrderStatus.PAID, OrderStatus.FULFILLED})
_LAPSED = frozenset({OrderStatus.TIMED_OUT})

ENDINGS: Mapping[Conduct, Set[OrderStatus]] = {
    # The provider took the money in time. However late its notice comes, or never: the system asks
    # before it gives an order up.
    Conduct.PAID: _SOLD,
    Conduct.PERHAPS_PAID: _SOLD | _LAPSED,
    Conduct.CANCELLED: {OrderStatus.CANCELLED},
    Conduct.PERHAPS_CANCELLED: {OrderStatus.CANCELLED} | _LAPSED,
    Conduct.NOTHING: _LAPSED,
}
# These may still wait for their deadline when the crowd stops looking.
_MAY_WAIT = frozenset({Conduct.NOTHING, Conduct.PERHAPS_PAID, Conduct.PERHAPS_CANCELLED})


def judge(notes: Notes, plan: RushPlan, starts_at: float) -> tuple[Check, ...]:
    """Each rule with what breaks it. `starts_at`: the sale's start by the server's clock."""
    orders = list(notes.orders.values())
    return (
        never_oversold(orders, plan.units),
        sold_out_only_when_sold(notes, plan.units),
        limit_kept(orders, plan.limit),
        nobody_before_start(orders, starts_at),
        endings_fit(notes, plan),
        everybody_answered(notes, tolerant=plan.tolerant),
        no_contradictions(notes),
    )


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """The largest number of (from, until) that overlap; an end makes room before a start."""
    steps = [step for since, until in spans for step in ((since, 1), (until, -1))]
    most = now = 0
    for _, step in sorted(steps):
        now += step
        most = max(most, now)
    return most


def span_of(order: WonOrder) -> tuple[float, float]:
    """From when until when this order surely held its unit, as its buyer knows it."""
    since = order.accepted_at
    if order.status in _SOLD or order.status in (OrderStatus.QUEUED, OrderStatus.PENDING_PAYMENT):
        return since, float("inf")
    if order.status is OrderStatus.CANCELLED and order.cancel_sent_at:
        return since, max(since, order.cancel_sent_at)
    if order.status is OrderStatus.TIMED_OUT and order.pay_deadline:
        return since, max(since, order.pay_deadline - CLOCK_SLACK_SECONDS)
    return since, since


def fits(order: WonOrder, now: float, *, price: int, tolerant: bool) -> bool:
    """Whether the order's state is what its buyer may expect at `now`."""
    if order.seen is None:
        return False
    if order.status is OrderStatus.PENDING_PAYMENT:
        return order.conduct in _MAY_WAIT and now < (order.pay_deadline or 0.0)
    # A store that lost its last second may have granted what the books cannot honour; that is
    # said plainly, and only ever before money was taken.
    if order.status is OrderStatus.REJECTED:
        return tolerant and order.conduct is Conduct.NOTHING
    if order.status in _SOLD:
        payment = order.seen.payment
        if not payment or payment.status is not PaymentStatus.PAID or payment.amount != price:
            return False
    return order.status in ENDINGS[order.conduct]


def never_oversold(orders: list[WonOrder], units: int) -> Check:
    most = most_at_once(span_of(order) for order in orders)
    detail = f"at most {most} of {units} units were somebody's at one moment"
    return Check(code="R1", ok=most <= units, detail=detail)


def sold_out_only_when_sold(notes: Notes, units: int) -> Check:
    """Whoever was refused while fewer orders than units had ever been accepted was wronged."""
    unanswered = len(notes.refused_buyers[UNANSWERED])
    was_sold_out = bool(notes.refused_buyers[ErrorCode.SOLD_OUT])
    ok = len(notes.orders) + unanswered >= units or not was_sold_out
    heard = "was" if was_sold_out else "was never"
    return Check(
        code="R2", ok=ok, detail=f"{len(notes.orders)} orders were given; sold out {heard} said"
    )


def limit_kept(orders: list[WonOrder], limit: int) -> Check:
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for order in orders:
        spans[order.user_id].append(span_of(order))
    greedy = {user for user, held in spans.items() if most_at_once(held) > limit}
    breaking = tuple(order.order_id for order in orders if order.user_id in greedy)
    detail = f"{len(spans)} winners, none with more than {limit} at a time"
    if greedy:
        detail = f"{len(greedy)} buyers held more than {limit} at a time"
    return Check(code="R3", ok=not greedy, detail=detail, orders=breaking)


def nobody_before_start(orders: list[WonOrder], starts_at: float) -> Check:
    opens = starts_at - CLOCK_SLACK_SECONDS
    early = tuple(order.order_id for order in orders if order.accepted_at < opens)
    detail = f"{len(early)} orders were accepted before the start"
    return Check(code="R4", ok=not early, detail=detail, orders=early)


def endings_fit(notes: Notes, plan: RushPlan) -> Check:
    now = notes.now()
    wrong = [
        order
        for order in notes.orders.values()
        if not fits(order, now, price=plan.price, tolerant=plan.tolerant)
    ]
    detail = f"{len(notes.orders)} orders ended as their buyers had reason to expect"
    if wrong:
        kinds = Counter((order.conduct, order.status, order.seen is None) for order in wrong)
        detail = "; ".join(
            f"{count} × buyer did {conduct}, order is {'not to be seen' if unseen else status}"
            for (conduct, status, unseen), count in kinds.items()
        )
    breaking = tuple(order.order_id for order in wrong)
    return Check(code="R5", ok=not wrong, detail=detail, orders=breaking)


def everybody_answered(notes: Notes, *, tolerant: bool) -> Check:
    unanswered = notes.answers[UNANSWERED]
    broken = sum(count for fault, count in notes.faults.items() if fault == "500")
    detail = f"{unanswered} clicks stayed without an answer, {broken} broke the server"
    return Check(code="R6", ok=tolerant or not (unanswered or broken), detail=detail)


def no_contradictions(notes: Notes) -> Check:
    detail = "; ".join(notes.breaches[:5]) or "every answer agreed with those before it"
    return Check(code="R7", ok=not notes.breaches, detail=detail)
