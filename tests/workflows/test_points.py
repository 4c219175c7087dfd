"""Paying with points: a debit that settles, or that never happened."""

import asyncio

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.payment import PaymentMethod, PaymentScene
from domain.states import OWNING_STOCK, OrderStatus, PaymentStatus
from tests.support.shop import POINTS_PRICE, Shop
from workflows.order import OrderWorkflow
from workflows.updates import BeginPayment


async def test_points_pay_an_order_at_once(shop: Shop) -> None:
    await shop.grant_points("ada", 1000)
    handle = await shop.start(intent := await shop.intent("ada"))

    payment = await shop.pay_with_points(handle)

    assert (payment.status, payment.amount) == (PaymentStatus.PAID, POINTS_PRICE)
    assert (await handle.result()).status in OWNING_STOCK
    paid = (await shop.dossier(intent.order_id)).payments[0]
    assert (paid.status, paid.currency) == (PaymentStatus.PAID, "PTS")
    assert await shop.counts() == (4, 0, 1, 4)


async def test_too_few_points_pay_nothing_and_say_what_is_missing(shop: Shop) -> None:
    await shop.grant_points("ada", POINTS_PRICE - 1)
    handle = await shop.start(await shop.intent("ada"))

    with pytest.raises(WorkflowUpdateFailedError) as failure:
        await shop.pay_with_points(handle)

    assert isinstance(failure.value.cause, ApplicationError)
    assert failure.value.cause.type == "INSUFFICIENT_POINTS"
    assert failure.value.cause.details[0] == {"balance": POINTS_PRICE - 1, "needed": POINTS_PRICE}
    assert await shop.points("ada") == POINTS_PRICE - 1

    await shop.grant_points("ada", 1)
    assert (await shop.pay_with_points(handle)).status is PaymentStatus.PAID


async def test_two_orders_of_one_account_never_spend_the_same_points(shop: Shop) -> None:
    await shop.grant_points("ada", POINTS_PRICE)
    handles = [await shop.start(await shop.intent("ada")) for _ in range(2)]

    answers = await asyncio.gather(
        *(shop.pay_with_points(handle) for handle in handles), return_exceptions=True
    )

    assert sorted(type(answer).__name__ for answer in answers) == [
        "Payment",
        "WorkflowUpdateFailedError",
    ]
    assert sorted([(await handle.result()).status in OWNING_STOCK for handle in handles]) == [
        False,
        True,
    ]


async def test_a_debit_whose_answer_was_lost_still_pays(shop: Shop) -> None:
    await shop.grant_points("ada", POINTS_PRICE)
    handle = await shop.start(await shop.intent("ada"))
    # The points are taken and nobody is told: the close finds them.
    command = BeginPayment(method=PaymentMethod.POINTS, scene=PaymentScene.PAGE, actor="buyer:ada")
    await handle.execute_update(OrderWorkflow.begin_payment, command)

    assert (await handle.result()).status in OWNING_STOCK
    assert await shop.counts() == (4, 0, 1, 4)


async def test_a_closed_points_payment_takes_no_points(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent("ada"))
    with pytest.raises(WorkflowUpdateFailedError):
        await shop.pay_with_points(handle)
    await shop.grant_points("ada", POINTS_PRICE)

    assert (await handle.result()).status is OrderStatus.TIMED_OUT

    closed = (await shop.dossier(intent.order_id)).payments[0]
    assert closed.status is PaymentStatus.CLOSED
    assert await shop.points("ada") == POINTS_PRICE
