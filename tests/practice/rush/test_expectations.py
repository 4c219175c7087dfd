"""The rules by which a crowd judges a shop, each on planted observations."""

from datetime import UTC, datetime

import pytest

from domain.audit import Check
from domain.payment import PaymentMethod
from domain.states import OrderStatus, PaymentStatus
from practice.rush.expectations import ENDINGS, fits, judge, most_at_once, span_of
from practice.rush.notes import UNANSWERED, Conduct, Notes, WonOrder
from practice.rush.plan import RushPlan
from practice.rush.views import SeenOrder, SeenPayment

PRICE = 9_900
START = 1_700_000_000.0
DEADLINE = START + 60


def order(
    status: OrderStatus | None,
    conduct: Conduct = Conduct.NOTHING,
    *,
    order_id: str = "A",
    user_id: str = "anna",
    at: float = START + 1,
    cancelled_at: float | None = None,
    paid: int | None = PRICE,
) -> WonOrder:
    won = WonOrder(order_id, user_id, at, conduct, cancel_sent_at=cancelled_at)
    if status:
        payment = SeenPayment(
            payment_id="A1",
            method=PaymentMethod.ALIPAY,
            status=PaymentStatus.PAID,
            amount=paid or 0,
        )
        deadline = datetime.fromtimestamp(DEADLINE, UTC)
        won.seen = SeenOrder(
            order_id=order_id,
            status=status,
            pay_deadline=deadline,
            payment=payment if paid is not None else None,
        )
    return won


def verdicts(notes: Notes, **terms: int) -> dict[str, Check]:
    plan = RushPlan.model_validate({"price": PRICE} | terms)
    return {check.code: check for check in judge(notes, plan, START)}


def notes_of(*orders: WonOrder) -> Notes:
    notes = Notes()
    notes.orders = {one.order_id: one for one in orders}
    return notes


@pytest.mark.parametrize("status", [OrderStatus.PAID, OrderStatus.FULFILLED])
def test_money_taken_in_time_buys_the_order(status: OrderStatus) -> None:
    paid = order(status, Conduct.PAID)
    assert fits(paid, DEADLINE + 9, price=PRICE, tolerant=False)


@pytest.mark.parametrize(
    "status", [OrderStatus.TIMED_OUT, OrderStatus.CANCELLED, OrderStatus.REFUNDED]
)
def test_money_taken_in_time_allows_no_other_end_whenever_the_notice_came(
    status: OrderStatus,
) -> None:
    paid = order(status, Conduct.PAID)
    assert not fits(paid, DEADLINE + 9, price=PRICE, tolerant=True)


def test_who_paid_does_not_go_on_waiting_for_payment() -> None:
    paid = order(OrderStatus.PENDING_PAYMENT, Conduct.PAID)
    assert not fits(paid, START + 2, price=PRICE, tolerant=False)


@pytest.mark.parametrize("paid", [None, PRICE - 1])
def test_a_sold_order_shows_its_whole_price_as_paid(paid: int | None) -> None:
    sold = order(OrderStatus.FULFILLED, Conduct.PAID, paid=paid)
    assert not fits(sold, DEADLINE, price=PRICE, tolerant=False)


def test_nobody_owns_what_he_never_paid() -> None:
    gift = order(OrderStatus.FULFILLED, Conduct.NOTHING)
    assert not fits(gift, DEADLINE, price=PRICE, tolerant=True)


def test_an_unpaid_order_may_wait_until_its_deadline_and_no_longer() -> None:
    waiting = order(OrderStatus.PENDING_PAYMENT)
    assert fits(waiting, DEADLINE - 1, price=PRICE, tolerant=False)
    assert not fits(waiting, DEADLINE + 1, price=PRICE, tolerant=False)


def test_an_accepted_order_is_rejected_only_after_disturbances() -> None:
    rejected = order(OrderStatus.REJECTED)
    assert not fits(rejected, DEADLINE, price=PRICE, tolerant=False)
    assert fits(rejected, DEADLINE, price=PRICE, tolerant=True)


def test_an_order_nobody_can_see_fits_nothing() -> None:
    assert not fits(order(None), DEADLINE, price=PRICE, tolerant=True)


def test_every_conduct_has_its_endings_and_none_ends_in_between() -> None:
    assert set(ENDINGS) == set(Conduct)
    for endings in ENDINGS.values():
        assert not endings & {OrderStatus.QUEUED, OrderStatus.PENDING_PAYMENT}


def test_holds_that_follow_each_other_do_not_overlap() -> None:
    assert most_at_once([(0, 5), (5, 9), (9, 12)]) == 1
    assert most_at_once([(0, 5), (4, 9), (4, 6), (8, 9)]) == 3
    assert most_at_once([]) == 0


def test_a_unit_is_free_again_when_its_buyer_cancels_or_runs_out_of_time() -> None:
    cancelled = order(OrderStatus.CANCELLED, Conduct.CANCELLED, cancelled_at=START + 7)
    lapsed = order(OrderStatus.TIMED_OUT)
    sold = order(OrderStatus.FULFILLED, Conduct.PAID)
    assert span_of(cancelled) == (START + 1, START + 7)
    assert span_of(lapsed)[1] == pytest.approx(DEADLINE, abs=0.2)
    assert span_of(sold)[1] == float("inf")


def test_one_unit_sold_to_two_is_overselling() -> None:
    first = order(OrderStatus.FULFILLED, Conduct.PAID, order_id="A", user_id="anna")
    second = order(OrderStatus.FULFILLED, Conduct.PAID, order_id="B", user_id="bela")
    assert not verdicts(notes_of(first, second), units=1)["R1"].ok
    assert verdicts(notes_of(first, second), units=2)["R1"].ok


def test_a_unit_that_came_back_may_be_sold_again() -> None:
    first = order(OrderStatus.CANCELLED, Conduct.CANCELLED, order_id="A", cancelled_at=START + 3)
    second = order(OrderStatus.FULFILLED, Conduct.PAID, order_id="B", user_id="bela", at=START + 4)
    assert verdicts(notes_of(first, second), units=1)["R1"].ok


def test_sold_out_is_a_lie_while_units_are_free() -> None:
    notes = notes_of(order(OrderStatus.FULFILLED, Conduct.PAID))
    notes.refused("bela", "SOLD_OUT")
    assert not verdicts(notes, units=2)["R2"].ok
    assert verdicts(notes, units=1)["R2"].ok


def test_a_click_that_was_never_answered_may_have_taken_the_last_unit() -> None:
    notes = notes_of(order(OrderStatus.FULFILLED, Conduct.PAID))
    notes.refused("bela", "SOLD_OUT")
    notes.refused("cora", UNANSWERED)
    assert verdicts(notes, units=2)["R2"].ok


def test_a_second_order_of_one_buyer_breaks_the_limit_unless_the_first_was_over() -> None:
    first = order(OrderStatus.CANCELLED, Conduct.CANCELLED, order_id="A", cancelled_at=START + 3)
    later = order(OrderStatus.FULFILLED, Conduct.PAID, order_id="B", at=START + 4)
    sooner = order(OrderStatus.FULFILLED, Conduct.PAID, order_id="B", at=START + 2)
    assert verdicts(notes_of(first, later))["R3"].ok
    broken = verdicts(notes_of(first, sooner))["R3"]
    assert not broken.ok
    assert set(broken.orders) == {"A", "B"}


def test_an_order_before_the_start_is_found() -> None:
    early = order(OrderStatus.FULFILLED, Conduct.PAID, at=START - 1)
    assert verdicts(notes_of(early))["R4"].orders == ("A",)


def test_unanswered_clicks_are_forgiven_only_after_disturbances() -> None:
    notes = Notes()
    notes.answers[UNANSWERED] = 1
    assert not verdicts(notes)["R6"].ok
    assert verdicts(notes, tolerant=True)["R6"].ok


def test_one_order_given_to_two_buyers_is_a_contradiction() -> None:
    notes = Notes()
    notes.accepted("anna", "A")
    notes.accepted("bela", "A")
    assert not verdicts(notes)["R7"].ok
