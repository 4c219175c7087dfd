import pytest

from domain.order import EventKind, RejectReason
from domain.reservation import GateVerdict
from domain.states import OrderStatus
from tests.support.values import an_item, an_order


def test_an_order_is_known_to_redis_by_its_intent() -> None:
    order = an_order(an_item(), "ada", quantity=3)

    intent = order.intent

    assert (intent.order_id, intent.user_id, intent.quantity) == (order.order_id, "ada", 3)
    assert intent.item == order.item == an_item().ref
    assert intent.accepted_at_ms == 0


# Told to callers alone: a workflow brings no key or pass, and never asks for what is known only.
FOR_CALLERS = {
    GateVerdict.IDEMPOTENCY_MISMATCH,
    GateVerdict.OVERLOADED,
    GateVerdict.ENTRY_TOKEN_INVALID,
}


@pytest.mark.parametrize("verdict", sorted(set(GateVerdict) - FOR_CALLERS - {GateVerdict.RESERVED}))
def test_whatever_the_gate_refuses_an_order_for_has_a_reason_of_that_name(
    verdict: GateVerdict,
) -> None:
    assert RejectReason(verdict.value)


def test_each_end_of_an_order_is_an_event_of_that_name() -> None:
    ends = {"paid", "fulfilled", "rejected", "cancelled", "timed_out", "refunded"}

    assert ends <= set(EventKind)
    assert ends <= set(OrderStatus)
