"""When an order's workflow is told something, and what its silence means."""

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from api import order_updates
from api.auth import Caller
from api.order_updates import OrderUpdates
from api.schemas.orders import OrderView
from api.workflow_calls import NoAnswerYet, NoMoreUpdates, NotRunning, NotTaken
from domain.delivery import Delivery, DeliveryKind
from domain.errors import ErrorCode, Refusal
from domain.order import OrderDossier
from domain.payment import PaymentMethod
from domain.states import UNFINISHED, DeliveryStatus, OrderStatus
from infra.postgres.engine import Database
from tests.support.api_doubles import ADA, OLGA, OneOrder, ToldWorkflows, a_dossier
from tests.support.values import NOON, a_payment
from workflows.order import OrderWorkflow
from workflows.updates import DecideDelivery

MESSAGE = DeliveryKind.MESSAGE
DECISION = DecideDelivery(kind=MESSAGE, actor=OLGA.actor, reason="told by phone")
NO = Refusal(ErrorCode.INVALID_STATE, "no")


HOUR = timedelta(hours=1)


class LostOrder(OneOrder):
    """Can be looked at once."""

    looks = 0

    async def view(self, order_id: str, caller: Caller) -> OrderView:
        self.looks += 1
        if self.looks > 1:
            raise TimeoutError
        return await super().view(order_id, caller)


def updates(workflows: ToldWorkflows, dossier: OrderDossier | None) -> OrderUpdates:
    # Only a recheck is put on record by the API itself.
    return OrderUpdates(workflows, OneOrder(dossier), cast(Database, None))


def due_in(left: timedelta, workflows: ToldWorkflows) -> OrderUpdates:
    """For an order that is to be paid so much later."""
    dossier = a_dossier()
    order = dossier.order.model_copy(update={"pay_deadline": datetime.now(UTC) + left})
    return updates(workflows, dossier.model_copy(update={"order": order}))


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
        await due_in(HOUR, ToldWorkflows(NotTaken())).extend("O1", OLGA, 60, "slow")
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


async def test_a_workflow_that_is_not_there_yet_is_waited_for() -> None:
    workflows = ToldWorkflows(NotRunning(), NotRunning(), OrderStatus.CANCELLED)

    answer = await updates(workflows, a_dossier()).tell("O1", OrderWorkflow.cancel, None, 1.0)

    assert answer is OrderStatus.CANCELLED
    assert len(workflows.told) == 3


@pytest.mark.parametrize("status", sorted(UNFINISHED))
async def test_who_waits_too_long_for_a_workflow_is_to_come_back(
    status: OrderStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_updates, "STARTED_SECONDS", 0.3)
    workflows = ToldWorkflows(*[NotRunning()] * 9)

    with pytest.raises(Refusal) as refusal:
        await updates(workflows, a_dossier(status)).tell("O1", OrderWorkflow.cancel, None, 1.0)

    assert refusal.value.code is ErrorCode.UNAVAILABLE
    assert 2 <= len(workflows.told) <= 4


async def test_an_order_that_was_asked_too_often_says_so_for_good() -> None:
    workflows, dossier = ToldWorkflows(NoMoreUpdates(), NoMoreUpdates()), a_failed_message()
    asked = updates(workflows, dossier)

    for change in (
        asked.tell("O1", OrderWorkflow.cancel, None, 1.0),
        asked.retry_delivery("O1", OLGA, DECISION),
    ):
        with pytest.raises(Refusal) as refusal:
            await change
        assert refusal.value.code is ErrorCode.INVALID_STATE
        assert refusal.value.extra == {"order_status": OrderStatus.PAID}
        assert "again" not in refusal.value.detail
    # Nobody else is told instead.
    assert len(workflows.told) == 2


@pytest.mark.parametrize(
    ("answer", "member"), [(OrderStatus.CANCELLED, "status"), (NOON + HOUR, "pay_deadline")]
)
async def test_what_is_done_is_answered_so_although_it_cannot_be_looked_at(
    answer: object, member: str
) -> None:
    workflows, dossier = ToldWorkflows(answer), a_dossier()
    orders = LostOrder(dossier)
    asked = OrderUpdates(workflows, orders, cast(Database, None))

    view = await asked.cancel(dossier.order.order_id, ADA, "too dear")

    assert orders.looks == 2
    assert getattr(view, member) == answer
    assert view.order_id == dossier.order.order_id


async def test_nobody_is_given_longer_to_pay_than_a_provider_offers() -> None:
    workflows, week = ToldWorkflows(NOON), timedelta(days=7)
    seconds = int(week.total_seconds())

    await due_in(week, workflows).extend("O1", OLGA, seconds, "a holiday")
    with pytest.raises(Refusal) as refusal:
        await due_in(week + HOUR, workflows).extend("O1", OLGA, seconds, "a holiday")

    assert refusal.value.code is ErrorCode.INVALID
    assert len(workflows.told) == 1


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
