"""The order saga, branch by branch, on real stores and a clock that skips."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from domain.reservation import ReservationState
from domain.states import OrderStatus, PaymentStatus
from tests.support.deadlines import extend
from tests.support.shop import PRICE, Shop


async def test_an_order_that_is_paid_owns_its_stock(shop: Shop) -> None:
    intent = await shop.intent()
    handle = await shop.start(intent)
    receipt = await shop.pay(handle)

    outcome = await handle.result()

    assert outcome.status is OrderStatus.FULFILLED
    dossier = await shop.dossier(intent.order_id)
    assert dossier.order.amount == PRICE
    assert dossier.payments[0].status is PaymentStatus.PAID
    assert dossier.payments[0].trade_no == receipt.trade_no
    story = [event.event for event in dossier.events]
    assert story == ["placed", "payment_begun", "paid", "fulfilled"]
    assert await shop.counts() == (4, 0, 1, 4)
    reservation = await shop.gate.reservation(intent.item, intent.order_id)
    assert reservation is not None
    assert reservation.state is ReservationState.SOLD


async def test_an_order_nobody_pays_times_out_and_gives_its_stock_back(shop: Shop) -> None:
    intent = await shop.intent()
    handle = await shop.start(intent)

    outcome = await handle.result()

    assert outcome.status is OrderStatus.TIMED_OUT
    assert (await shop.dossier(intent.order_id)).order.status is OrderStatus.TIMED_OUT
    assert await shop.counts() == (5, 0, 0, 5)


async def test_a_payment_that_meets_the_close_counts_as_paid(shop: Shop) -> None:
    handle = await shop.start(await shop.intent())
    payment = await shop.begin_payment(handle)
    shop.alipay.pays_on_close.add(payment.payment_id)

    assert (await handle.result()).status is OrderStatus.FULFILLED
    assert await shop.counts() == (4, 0, 1, 4)


async def test_a_cancelled_order_gives_its_stock_back_and_names_who_wanted_it(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())

    assert await shop.cancel(handle) is OrderStatus.CANCELLED

    order = (await shop.dossier(intent.order_id)).order
    assert (order.status, order.reason) == (OrderStatus.CANCELLED, "changed my mind")
    assert await shop.counts() == (5, 0, 0, 5)
    event = (await shop.dossier(intent.order_id)).events[-1]
    assert (event.event, event.actor) == ("cancelled", "buyer:ada")


async def test_cancelling_in_temporal_undoes_the_order_like_any_other_cancel(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    await shop.begin_payment(handle)
    await handle.cancel()

    with pytest.raises(WorkflowFailureError):
        await handle.result()

    assert (await shop.dossier(intent.order_id)).order.status is OrderStatus.CANCELLED
    assert await shop.counts() == (5, 0, 0, 5)


async def test_a_paid_order_can_be_neither_cancelled_nor_paid_again(shop: Shop) -> None:
    handle = await shop.start(await shop.intent())
    await shop.pay(handle)
    await handle.result()

    for again in (shop.cancel, shop.begin_payment):
        with pytest.raises(RPCError, match="not found"):
            await again(handle)


async def test_an_extended_deadline_leaves_more_time(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    handle = await shop.start(await shop.intent())
    await extend(handle, 3600)
    await time_skipping.sleep(timedelta(minutes=45))
    await shop.pay(handle)
    assert (await handle.result()).status is OrderStatus.FULFILLED
