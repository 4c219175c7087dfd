"""What must be true after a rush, judged by nothing but what the crowd saw.

The rules, in one place:
- A unit is somebody's from the moment an order is accepted until the buyer cancels or the time to
  pay runs out: never more at one moment than there are units, nor than one buyer may have.
- As long as a unit is free nobody is told that all are sold.
- An order ends as its buyer's conduct demands (`ENDINGS`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set

from domain.audit import Check
from domain.errors import ErrorCode
from domain.states import OrderStatus, PaymentStatus
from practice.rush.ledger import UNANSWERED, Conduct, Ledger, OrderStory
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


def judge(ledger: Ledger, plan: RushPlan, starts_at: float) -> tuple[Check, ...]:
    """Each rule with what breaks it. `starts_at`: the sale's start by the server's clock."""
    orders = list(ledger.orders.values())
    return (
        _never_oversold(orders, plan.units),
        _sold_out_only_when_sold(ledger, plan.units),
        _limit_kept(orders, plan.limit),
        _nobody_before_start(orders, starts_at),
        _endings_fit(ledger, plan),
        _everybody_answered(ledger, tolerant=plan.tolerant),
        _no_contradictions(ledger),
    )


def most_at_once(holds: Iterable[tuple[float, float]]) -> int:
    """The largest number of (from, until) that overlap; an end makes room before a start."""
    steps = [step for since, until in holds for step in ((since, 1), (until, -1))]
    most = now = 0
    for _, step in sorted(steps):
        now += step
        most = max(most, now)
    return most


def hold_of(order: OrderStory) -> tuple[float, float]:
    """From when until when this order surely held its unit, as its buyer knows it."""
    since = order.accepted_at
    if order.status in _SOLD or order.status in (OrderStatus.QUEUED, OrderStatus.PENDING_PAYMENT):
        return since, float("inf")
    if order.status is OrderStatus.CANCELLED and order.cancel_sent_at:
        return since, max(since, order.cancel_sent_at)
    if order.status is OrderStatus.TIMED_OUT and order.pay_deadline:
        return since, max(since, order.pay_deadline - CLOCK_SLACK_SECONDS)
    return since, since


def fits(order: OrderStory, now: float, *, price: int, tolerant: bool) -> bool:
    """Whether the order's state is what its buyer may expect at `now`."""
    if order.seen is None:
        return False
    if order.status is OrderStatus.PENDING_PAYMENT:
        return order.conduct in _MAY_WAIT and now < (order.pay_deadline or 0.0)
    # A store that lost its last second may have granted what the books cannot honour; that is
    # said plainly, and only ever before money was taken.
    if order.status is OrderStatus.REJECTED:
        return tolerant and order.conduct is Conduct.NOTHING
    return order.status in ENDINGS[order.conduct] and _money_fits(order, price)


def _money_fits(order: OrderStory, price: int) -> bool:
    if order.status not in _SOLD:
        return True
    payment = order.seen.payment if order.seen else None
    return bool(payment and payment.status is PaymentStatus.PAID and payment.amount == price)


def _never_oversold(orders: list[OrderStory], units: int) -> Check:
    most = most_at_once(hold_of(order) for order in orders)
    detail = f"at most {most} of {units} units were somebody's at one moment"
    return Check(code="R1", ok=most <= units, detail=detail)


def _sold_out_only_when_sold(ledger: Ledger, units: int) -> Check:
    """Whoever was refused while fewer orders than units had ever been accepted was wronged."""
    unanswered = len(ledger.refused_buyers[UNANSWERED])
    was_sold_out = bool(ledger.refused_buyers[ErrorCode.SOLD_OUT])
    ok = len(ledger.orders) + unanswered >= units or not was_sold_out
    heard = "was" if was_sold_out else "was never"
    return Check(
        code="R2", ok=ok, detail=f"{len(ledger.orders)} orders were given; sold out {heard} said"
    )


def _limit_kept(orders: list[OrderStory], limit: int) -> Check:
    holds: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for order in orders:
        holds[order.user_id].append(hold_of(order))
    greedy = {user for user, held in holds.items() if most_at_once(held) > limit}
    breaking = tuple(order.order_id for order in orders if order.user_id in greedy)
    detail = f"{len(holds)} winners, none with more than {limit} at a time"
    if greedy:
        detail = f"{len(greedy)} buyers held more than {limit} at a time"
    return Check(code="R3", ok=not greedy, detail=detail, orders=breaking)


def _nobody_before_start(orders: list[OrderStory], starts_at: float) -> Check:
    opens = starts_at - CLOCK_SLACK_SECONDS
    early = tuple(order.order_id for order in orders if order.accepted_at < opens)
    detail = f"{len(early)} orders were accepted before the start"
    return Check(code="R4", ok=not early, detail=detail, orders=early)


def _endings_fit(ledger: Ledger, plan: RushPlan) -> Check:
    now = ledger.now()
    wrong = [
        order
        for order in ledger.orders.values()
        if not fits(order, now, price=plan.price, tolerant=plan.tolerant)
    ]
    detail = f"{len(ledger.orders)} orders ended as their buyers had reason to expect"
    if wrong:
        detail = "; ".join(_counted(wrong))
    breaking = tuple(order.order_id for order in wrong)
    return Check(code="R5", ok=not wrong, detail=detail, orders=breaking)


def _counted(orders: Iterable[OrderStory]) -> Iterator[str]:
    kinds = Counter((order.conduct, order.status, order.seen is None) for order in orders)
    for (conduct, status, unseen), count in kinds.items():
        yield f"{count} × buyer did {conduct}, order is {'not to be seen' if unseen else status}"


def _everybody_answered(ledger: Ledger, *, tolerant: bool) -> Check:
    unanswered = ledger.answers[UNANSWERED]
    broken = sum(count for fault, count in ledger.faults.items() if fault == "500")
    detail = f"{unanswered} clicks stayed without an answer, {broken} broke the server"
    return Check(code="R6", ok=tolerant or not (unanswered or broken), detail=detail)


def _no_contradictions(ledger: Ledger) -> Check:
    detail = "; ".join(ledger.breaches[:5]) or "every answer agreed with those before it"
    return Check(code="R7", ok=not ledger.breaches, detail=detail)
