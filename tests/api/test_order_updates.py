"""When an order's workflow is told something, and what its silence means."""

from typing import cast

import pytest

from api.order_updates import OrderUpdates
from api.workflow_calls import NoAnswerYet, NotRunning, NotTaken
from domain.delivery import Delivery, DeliveryKind
from domain.errors import ErrorCode, Refusal
from domain.order import OrderDossier
from domain.payment import PaymentMethod
from domain.states import UNFINISHED, DeliveryStatus, OrderStatus
from infra.postgres.engine import Database
from tests.support.api_doubles import ADA, OLGA, OneOrder, ToldWorkflows, a_dossier
from tests.support.values import a_payment
from workflows.order import OrderWorkflow
from workflows.updates import DecideDelivery

MESSAGE = DeliveryKind.MESSAGE
DECISION = DecideDelivery(kind=MESSAGE, actor=OLGA.actor, reason="told by phone")
NO = Refusal(ErrorCode.INVALID_STATE, "no")


def updates(workflows: ToldWorkflows, dossier: OrderDossier | None) -> OrderUpdates:
    # Only a recheck is put on record by the API itself.
    return OrderUpdates(workflows, OneOrder(dossier), cast(Database, None))


def a_failed_message(
    *, paid: bool = True, status: DeliveryStatus = DeliveryStatus.FAILED
) -> OrderDossier:
    dossier = a_dossier(OrderStatus.PAID)
    payment = a_payment(dossier.order).model_copy(update={"trade_no": "T1" if paid else None})
    delivery = Delivery(order_id=dossier.order.order_id, kind=MESSAGE, status=status, attempts=5)
    return dossier.model_copy(update={"payments": (payment,), "deliveries": (delivery,)})


@pytest.mark.parametrize("silence", [None, NoAnswerYet()])
async def test_a_cancel_answers_with_the_order_however_long_it_takes(silence: object) -> None:
    workflows, dossier = ToldWorkflows(silence), a_dossier()
    order_id = dossier.order.order_id

    view = await updates(workflows, dossier).cancel(order_id, ADA, "too dear")

    assert view.order_id == order_id
    assert workflows.told == [(f"order-{order_id}", "cancel")]


@pytest.mark.parametrize("status", [status for status in OrderStatus if status not in UNFINISHED])
async def test_an_order_that_is_over_is_not_asked(status: OrderStatus) -> None:
    workflows = ToldWorkflows()
    over = updates(workflows, a_dossier(status))

    for change in (
        over.cancel("O1", ADA, "late"),
        over.extend("O1", OLGA, 60, "late"),
        over.recheck("O1", OLGA, "late"),
    ):
        with pytest.raises(Refusal) as refusal:
            await change
        assert refusal.value.code is ErrorCode.INVALID_STATE
        assert refusal.value.extra == {"order_status": status}
    assert workflows.told == []


async def test_without_a_worker_an_order_cannot_be_changed() -> None:
    with pytest.raises(Refusal) as refusal:
        await updates(ToldWorkflows(NotTaken()), a_dossier()).extend("O1", OLGA, 60, "slow")
    assert refusal.value.code is ErrorCode.UNAVAILABLE


async def test_an_order_without_workflow_says_itself_why() -> None:
    for dossier, code in (
        (a_dossier(OrderStatus.TIMED_OUT), ErrorCode.INVALID_STATE),
        (None, ErrorCode.NOT_FOUND),
    ):
        told = updates(ToldWorkflows(NotRunning()), dossier)
        with pytest.raises(Refusal) as refusal:
            await told.tell("O1", OrderWorkflow.cancel, None, 1.0)
        assert refusal.value.code is code


async def test_money_that_came_late_is_delivered_for_by_the_workflow_that_has_it() -> None:
    workflows, dossier = ToldWorkflows(NO, None), a_failed_message()
    order_id = dossier.order.order_id

    await updates(workflows, dossier).skip_delivery(order_id, OLGA, DECISION)

    assert workflows.told == [
        (f"order-{order_id}", "skip_delivery"),
        (f"refund-{PaymentMethod.ALIPAY}-T1", "skip_delivery"),
    ]


async def test_without_money_nobody_else_is_asked() -> None:
    workflows, dossier = ToldWorkflows(NO), a_failed_message(paid=False)

    with pytest.raises(Refusal):
        await updates(workflows, dossier).retry_delivery("O1", OLGA, DECISION)
    assert len(workflows.told) == 1


@pytest.mark.parametrize("status", ["pending", "done", "skipped"])
async def test_only_what_failed_is_decided(status: str) -> None:
    workflows = ToldWorkflows()
    for dossier in (a_failed_message(status=DeliveryStatus(status)), a_dossier(OrderStatus.PAID)):
        with pytest.raises(Refusal) as refusal:
            await updates(workflows, dossier).retry_delivery("O1", OLGA, DECISION)
        assert refusal.value.code is ErrorCode.INVALID_STATE
    assert workflows.told == []
