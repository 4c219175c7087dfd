"""What is told of a refund whose workflow does not answer at once."""

import pytest

from api.orders import OrderLookup
from api.refunds import OrderRefunds
from api.workflow_calls import NoAnswerYet, NotRunning, NotTaken
from domain.errors import ErrorCode, Refusal
from domain.order import Order, OrderDossier
from domain.refund import Refund, RefundReason, RefundRequest
from domain.refund_rules import RefundWish, plan_refund
from domain.states import RefundStatus
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.refunds import Refunds
from tests.support.api_doubles import OneOrder, ToldWorkflows
from tests.support.ledger import open_item, pay, place
from tests.support.values import NOON

WISH = RefundWish(actor="buyer:ada", note="too big")


@pytest.fixture
async def order(database: Database) -> Order:
    """Paid."""
    placed = await place(database, await open_item(database))
    await pay(database, placed)
    return placed


async def dossier_of(database: Database, order: Order) -> OrderDossier:
    async with database.transaction() as connection:
        dossier = await Orders(connection).dossier(order.order_id)
    assert dossier is not None
    return dossier


async def planned(database: Database, order: Order) -> RefundRequest:
    plan = plan_refund(await dossier_of(database, order), WISH)
    assert isinstance(plan, RefundRequest)
    return plan


def as_refund(plan: RefundRequest, **changes: object) -> Refund:
    fields = {
        "refund_id": plan.refund_id,
        "order_id": plan.order_id,
        "payment_id": plan.receipt.payment_id,
        "method": plan.receipt.method,
        "trade_no": plan.receipt.trade_no,
        "amount": plan.amount,
        "currency": plan.currency,
        "reason": plan.reason,
        "note": plan.note,
        "status": RefundStatus.ACCEPTED,
        "requested_by": plan.actor,
        "requested_at": NOON,
    }
    return Refund.model_validate({**fields, **changes})


async def keep(database: Database, refund: Refund) -> None:
    async with database.transaction() as connection:
        await Refunds(connection).request(refund)


async def refunds(database: Database, order: Order, workflows: ToldWorkflows) -> OrderRefunds:
    """The order's books are read before anything else happens."""
    books: OrderLookup = OneOrder(await dossier_of(database, order))
    return OrderRefunds(workflows, books, database)


@pytest.mark.parametrize("silence", [NotTaken(), NoAnswerYet()])
async def test_a_refund_that_is_not_on_record_yet_is_told_as_requested(
    database: Database, order: Order, silence: Exception
) -> None:
    plan, workflows = await planned(database, order), ToldWorkflows(silence)

    view = await (await refunds(database, order, workflows)).ask(order.order_id, WISH)

    assert (view.refund_id, view.status, view.amount) == (
        plan.refund_id,
        RefundStatus.REQUESTED,
        plan.amount,
    )
    assert workflows.started == [plan.workflow_id]


@pytest.mark.parametrize("silence", [NoAnswerYet(), NotRunning()])
async def test_what_is_on_record_answers_for_its_workflow(
    database: Database, order: Order, silence: Exception
) -> None:
    asked = await refunds(database, order, ToldWorkflows(silence))
    await keep(database, as_refund(await planned(database, order)))

    view = await asked.ask(order.order_id, WISH)

    assert view.status is RefundStatus.ACCEPTED


async def test_a_refund_that_came_second_has_to_be_asked_for_again(
    database: Database, order: Order
) -> None:
    asked = await refunds(database, order, ToldWorkflows(NotRunning()))

    with pytest.raises(Refusal) as refusal:
        await asked.ask(order.order_id, WISH)
    assert refusal.value.code is ErrorCode.UNAVAILABLE


async def test_two_wishes_that_meet_in_one_refund_are_told_apart(
    database: Database, order: Order
) -> None:
    other = as_refund(await planned(database, order), reason=RefundReason.PARTIAL, amount=1)
    asked = await refunds(database, order, ToldWorkflows(other))

    with pytest.raises(Refusal) as refusal:
        await asked.ask(order.order_id, WISH)
    assert refusal.value.code is ErrorCode.INVALID_STATE


async def test_a_decision_is_for_a_refund_that_somebody_works_on(
    database: Database, order: Order
) -> None:
    refund = as_refund(await planned(database, order), status=RefundStatus.FAILED)
    workflows = ToldWorkflows(NotRunning(), NoAnswerYet())
    asked = await refunds(database, order, workflows)

    with pytest.raises(Refusal) as refusal:
        await asked.retry(refund.refund_id, "operator:olga", "again")
    assert refusal.value.code is ErrorCode.NOT_FOUND

    await keep(database, refund)
    with pytest.raises(Refusal) as refusal:
        await asked.retry(refund.refund_id, "operator:olga", "again")
    assert refusal.value.code is ErrorCode.INVALID_STATE
    # Taken, and not done yet: the answer is what is on record so far.
    view = await asked.resolve(refund.refund_id, "operator:olga", "in cash")
    assert view.status is RefundStatus.FAILED
    assert [update for _, update in workflows.told] == ["retry", "resolve_by_hand"]
