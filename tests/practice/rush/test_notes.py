"""What the crowd notes."""

import pytest

from domain.states import OrderStatus
from practice.rush.notes import Notes, Quantiles
from practice.rush.views import SeenOrder


def test_quantiles_are_of_what_was_measured() -> None:
    found = Quantiles.of(number / 1000 for number in range(1, 101))
    assert found == Quantiles(count=100, p50=50, p95=95, p99=99, most=100)
    assert Quantiles.of([]) is None


def test_an_order_is_new_once_and_its_buyers() -> None:
    notes = Notes()
    order, is_new = notes.accepted("anna", "A")
    again, is_new_again = notes.accepted("anna", "A")
    assert (is_new, is_new_again) == (True, False)
    assert again is order
    assert notes.told == {"anna": {"A"}}
    assert notes.breaches == []


@pytest.mark.parametrize(
    ("status", "at_rest"),
    [
        (OrderStatus.QUEUED, False),
        (OrderStatus.PENDING_PAYMENT, False),
        (OrderStatus.PAID, True),
        (OrderStatus.TIMED_OUT, True),
    ],
)
def test_a_paid_order_is_at_rest_for_its_buyer(status: OrderStatus, at_rest: bool) -> None:
    notes = Notes()
    order, _ = notes.accepted("anna", "A")
    assert order.status is OrderStatus.QUEUED
    order.seen = SeenOrder(order_id="A", status=status)
    assert order.at_rest is at_rest
    assert notes.statuses() == {status: 1}
