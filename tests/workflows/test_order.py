"""The order saga, branch by branch, on real stores and a clock that skips."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from domain.ids import new_order_id
from domain.reservation import ReservationState
from domain.states import OWNING_STOCK, OrderStatus, PaymentStatus
from tests.support.shop import PRICE, Shop
from workflows.order import OrderWorkflow
from workflows.updates import ExtendDeadline, RecheckPayment


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


async def test_a_begun_payment_is_closed_at_the_provider_before_the_stock_goes_back(
    shop: Shop,
) -> None:
    handle = await shop.start(intent := await shop.intent())
    payment = await shop.begin_payment(handle)

    assert (await handle.result()).status is OrderStatus.TIMED_OUT

    assert payment.payment_id in shop.alipay.closed
    closed = (await shop.dossier(intent.order_id)).payments[0]
    assert closed.status is PaymentStatus.CLOSED


async def test_a_payment_that_meets_the_close_counts_as_paid(shop: Shop) -> None:
    handle = await shop.start(await shop.intent())
    payment = await shop.begin_payment(handle)
    shop.alipay.pays_on_close.add(payment.payment_id)

    assert (await handle.result()).status is OrderStatus.FULFILLED
    assert await shop.counts() == (4, 0, 1, 4)


async def test_a_lost_notice_is_made_up_for_by_asking_the_provider(shop: Shop) -> None:
    handle = await shop.start(await shop.intent())
    payment = await shop.begin_payment(handle)
    shop.alipay.pay(payment.payment_id)

    assert (await handle.result()).status is OrderStatus.FULFILLED
    assert payment.payment_id not in shop.alipay.closed


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


async def test_money_that_does_not_match_moves_nothing_and_goes_back(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    payment = await shop.begin_payment(handle)
    receipt = shop.alipay.pay(payment.payment_id, amount=PRICE - 1)
    await handle.signal(OrderWorkflow.payment_noticed, receipt)

    assert (await handle.result()).status is OrderStatus.TIMED_OUT
    assert await shop.counts() == (5, 0, 0, 5)
    dossier = await shop.dossier(intent.order_id)
    assert dossier.payments[0].status is PaymentStatus.REFUNDED
    assert list(shop.alipay.refunded.values()) == [PRICE - 1]
    assert "surplus_money" in [event.event for event in dossier.events]


async def test_the_same_notice_twice_pays_once(shop: Shop) -> None:
    handle = await shop.start(await shop.intent())
    receipt = await shop.pay(handle)
    await handle.signal(OrderWorkflow.payment_noticed, receipt)

    assert (await handle.result()).status is OrderStatus.FULFILLED
    assert await shop.counts() == (4, 0, 1, 4)


async def test_a_begun_payment_is_begun_once(shop: Shop) -> None:
    handle = await shop.start(await shop.intent())
    assert await shop.begin_payment(handle) == await shop.begin_payment(handle)
    await handle.terminate()


async def test_a_provider_that_does_not_answer_makes_paying_unavailable(shop: Shop) -> None:
    handle = await shop.start(await shop.intent())
    shop.alipay.away = True

    with pytest.raises(WorkflowUpdateFailedError) as failure:
        await shop.begin_payment(handle)

    assert isinstance(failure.value.cause, ApplicationError)
    assert failure.value.cause.type == "UNAVAILABLE"
    shop.alipay.away = False
    assert (await shop.begin_payment(handle)).action is not None
    await handle.terminate()


async def test_an_extended_deadline_leaves_more_time(
    shop: Shop, time_skipping: WorkflowEnvironment
) -> None:
    handle = await shop.start(await shop.intent())
    await handle.execute_update(
        OrderWorkflow.extend_deadline,
        ExtendDeadline(seconds=3600, actor="operator:eve", reason="bank is down"),
    )
    await time_skipping.sleep(timedelta(minutes=45))
    await shop.pay(handle)
    assert (await handle.result()).status is OrderStatus.FULFILLED


async def test_a_recheck_finds_the_payment_now(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    payment = await shop.begin_payment(handle)
    shop.alipay.pay(payment.payment_id)
    await handle.execute_update(OrderWorkflow.recheck_payment, RecheckPayment(actor="operator:eve"))
    assert (await shop.dossier(intent.order_id)).order.status in OWNING_STOCK


async def test_a_workflow_started_without_the_gate_reserves_for_itself(shop: Shop) -> None:
    intent = shop.intent_for(new_order_id(shop.item.item_number, 1), "bob")
    handle = await shop.start(intent.model_copy(update={"accepted_at_ms": 0}))
    assert await shop.cancel(handle) is OrderStatus.CANCELLED
    assert await shop.counts() == (5, 0, 0, 5)


async def test_what_the_gate_refuses_ends_as_a_rejection_on_record(shop: Shop) -> None:
    await shop.intent("ada", 2)
    intent = shop.intent_for(new_order_id(shop.item.item_number, 1), "ada")
    outcome = await (await shop.start(intent)).result()
    assert outcome.status is OrderStatus.REJECTED
    order = (await shop.dossier(intent.order_id)).order
    assert (order.status, order.reason) == (OrderStatus.REJECTED, "limit_reached")


async def test_a_unit_redis_promised_and_postgres_never_had_is_not_sold(shop: Shop) -> None:
    handles = [await shop.start(await shop.intent(user)) for user in "abcde"]
    for handle in handles:
        await shop.pay(handle)
    for handle in handles:
        assert (await handle.result()).status is OrderStatus.FULFILLED
    # Redis comes to believe in one unit more than there is.
    terms = await shop.gate.terms(shop.item.ref)
    assert terms is not None
    await shop.gate.rebuild(terms, 1, [])

    intent = await shop.intent("frank")
    outcome = await (await shop.start(intent)).result()

    assert outcome.status is OrderStatus.REJECTED
    assert await shop.counts() == (0, 0, 5, 0)
