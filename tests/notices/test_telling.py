"""Orders are told of money at a pace, and nobody is asked again at once who was away."""

import pytest
from temporalio.service import RPCError, RPCStatusCode

from domain.order import Order
from domain.states import IN_HAND, OrderStatus
from notices import telling
from notices.telling import OrdersToTell, nobody_answers
from tests.support.values import a_payment, a_receipt, an_item, an_order
from tests.support.workflows_double import WorkflowsDouble

AWAY = RPCError("connection refused", RPCStatusCode.UNAVAILABLE, b"")
FULL = RPCError("limit for signal events", RPCStatusCode.INVALID_ARGUMENT, b"")


async def tell(orders: OrdersToTell, order: Order, known: Order | None) -> bool:
    return await orders.tell(order.order_id, a_receipt(a_payment(order)), known)


@pytest.mark.parametrize("status", OrderStatus)
async def test_only_the_workflow_of_an_order_in_hand_is_started(status: OrderStatus) -> None:
    order = an_order(an_item(), "ada", status=status)
    workflows = WorkflowsDouble()

    told = await tell(OrdersToTell(workflows), order, order)

    assert told is (status in IN_HAND)
    assert [one.order_id for one in workflows.started] == [order.order_id] * told


async def test_what_is_another_orders_or_nobodys_starts_nothing() -> None:
    order, other = an_order(an_item(), "ada"), an_order(an_item(), "bob")
    workflows = WorkflowsDouble()
    assert not await tell(OrdersToTell(workflows), order, None)
    assert not await tell(OrdersToTell(workflows), order, other)
    assert workflows.started == []


async def test_a_temporal_that_is_away_is_left_alone_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(telling, "SILENT_SECONDS", 60.0)
    order, workflows = an_order(an_item(), "ada"), WorkflowsDouble(away=AWAY)
    orders = OrdersToTell(workflows)
    with pytest.raises(RPCError):
        await tell(orders, order, order)
    workflows.away = None

    with pytest.raises(RPCError) as refused:
        await tell(orders, order, order)

    assert nobody_answers(refused.value)
    assert workflows.told == []


async def test_one_workflow_that_takes_nothing_silences_nobody() -> None:
    order, workflows = an_order(an_item(), "ada"), WorkflowsDouble(away=FULL)
    orders = OrdersToTell(workflows)
    with pytest.raises(RPCError):
        await tell(orders, order, order)
    workflows.away = None
    assert await tell(orders, order, order)
