"""Payments are begun once per way to pay, asked after, and closed before stock goes back."""

import asyncio

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.payment import PaymentMethod
from domain.reservation import Intent
from domain.states import OWNING_STOCK, OrderStatus, PaymentStatus
from tests.support.ledger import begin as begin_in_ledger
from tests.support.polling import until
from tests.support.refunding import begin, refund_of
from tests.support.shop import POINTS_PRICE, PRICE, Shop
from tests.support.unlucky_branches import (
    handle_of,
    points_taken_by_the_release_before,
    until_it_waits,
)
from tests.support.values import a_payment
from workflows.order import OrderWorkflow
from workflows.updates import RecheckPayment


async def test_a_begun_payment_is_closed_at_the_provider_before_the_stock_goes_back(
    shop: Shop,
) -> None:
    handle = await shop.start(intent := await shop.intent())
    payment = await shop.begin_payment(handle)

    assert (await handle.result()).status is OrderStatus.TIMED_OUT

    assert payment.payment_id in shop.alipay.closed
    closed = (await shop.dossier(intent.order_id)).payments[0]
    assert closed.status is PaymentStatus.CLOSED


async def test_a_buyer_who_types_his_password_at_the_last_moment_has_paid(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    payment = await shop.begin_payment(handle)
    shop.alipay.pays_after_closes[payment.payment_id] = 3

    assert (await handle.result()).status is OrderStatus.FULFILLED

    assert (await shop.dossier(intent.order_id)).payments[0].status is PaymentStatus.PAID
    assert shop.alipay.refunds_asked == []


async def test_a_lost_notice_is_made_up_for_by_asking_the_provider(shop: Shop) -> None:
    handle = await shop.start(await shop.intent())
    payment = await shop.begin_payment(handle)
    shop.alipay.pay(payment.payment_id)

    assert (await handle.result()).status is OrderStatus.FULFILLED
    assert payment.payment_id not in shop.alipay.closed


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


async def test_a_recheck_finds_the_payment_now(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    payment = await shop.begin_payment(handle)
    shop.alipay.pay(payment.payment_id)
    await handle.execute_update(OrderWorkflow.recheck_payment, RecheckPayment(actor="operator:eve"))
    assert (await shop.dossier(intent.order_id)).order.status in OWNING_STOCK


async def test_after_a_wrong_amount_the_buyer_is_offered_another_payment(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    first = await shop.begin_payment(handle)
    wrong = shop.alipay.pay(first.payment_id, amount=1)
    await handle.signal(OrderWorkflow.payment_noticed, wrong)
    await handle.execute_update("recheck_payment", {"actor": "operator:olga"})

    receipt = await shop.pay(handle)

    assert receipt.payment_id != first.payment_id
    assert (await handle.result()).status is OrderStatus.FULFILLED
    await refund_of(shop, wrong).result()
    assert list(shop.alipay.refunded.values()) == [1]
    assert (await shop.dossier(intent.order_id)).order.status is OrderStatus.FULFILLED


# Paying with points: a debit that settles, or that never happened.


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
    handle = await shop.start(intent := await shop.intent("ada"))
    await until_it_waits(shop, intent)
    # The points are taken and nobody is told: the close finds them.
    await points_taken_by_the_release_before(shop, intent.order_id)

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


async def test_points_that_were_taken_pay_although_their_payment_has_expired(shop: Shop) -> None:
    await shop.grant_points("ada", 2 * POINTS_PRICE)
    handle = await shop.start(intent := await shop.intent("ada"))
    await until_it_waits(shop, intent)
    await points_taken_by_the_release_before(shop, intent.order_id)

    paid = await shop.pay_with_points(handle)

    assert paid.status is PaymentStatus.PAID
    assert (await handle.result()).status is OrderStatus.FULFILLED
    dossier = await shop.dossier(intent.order_id)
    assert [payment.payment_id for payment in dossier.payments] == [paid.payment_id]
    assert (dossier.refunds, await shop.points("ada")) == ((), POINTS_PRICE)


async def test_points_that_an_earlier_run_has_not_taken_are_taken(shop: Shop) -> None:
    await shop.grant_points("ada", POINTS_PRICE)
    handle = await shop.start(intent := await shop.intent("ada"))
    await until_it_waits(shop, intent)
    # Its payment was written down, and then the run was ended.
    order = (await shop.dossier(intent.order_id)).order
    in_points = {"amount": POINTS_PRICE, "currency": "PTS", "expires_at": order.pay_deadline}
    written = a_payment(order, PaymentMethod.POINTS).model_copy(update=in_points)
    await begin_in_ledger(shop.database, written)
    await handle.terminate()
    assert await shop.workflows.start_order_again(intent)

    assert (await shop.pay_with_points(handle_of(shop, intent))).status is PaymentStatus.PAID
    assert await shop.points("ada") == 0


async def test_a_payment_that_is_over_is_not_offered_again_by_a_later_run(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    first = await shop.begin_payment(handle)
    wrong = shop.alipay.pay(first.payment_id, amount=1)
    await handle.signal(OrderWorkflow.payment_noticed, wrong)
    await handle.execute_update("recheck_payment", {"actor": "operator:olga"})
    await handle.terminate()
    assert await shop.workflows.start_order_again(intent)

    second = await shop.begin_payment(handle_of(shop, intent))

    assert second.payment_id != first.payment_id
    await handle_of(shop, intent).terminate()


# Closing: side by side, and not before money that has arrived.


async def test_money_that_has_arrived_does_not_wait_for_another_provider(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    await shop.begin_payment(handle)
    second = await begin(shop, handle)
    receipt = shop.wechatpay.pay(second.payment_id)
    shop.alipay.away = shop.wechatpay.away = True
    await shop.run_out_of_time(handle)
    await until(lambda: shop.alipay.turned_away and shop.wechatpay.turned_away)

    await handle.signal(OrderWorkflow.payment_noticed, receipt)

    await until(lambda: _is_fulfilled(shop, intent))
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    shop.alipay.away = shop.wechatpay.away = False
    assert (await handle.result()).status is OrderStatus.FULFILLED
    assert await shop.counts() == (4, 0, 1, 4)


async def test_a_provider_that_is_away_keeps_no_other_from_being_closed(shop: Shop) -> None:
    handle = await shop.start(await shop.intent())
    await shop.begin_payment(handle)
    second = await begin(shop, handle)
    shop.alipay.away = True
    await shop.run_out_of_time(handle)

    await until(lambda: second.payment_id in shop.wechatpay.closed)

    # The stock still waits for both.
    assert await shop.counts() == (4, 1, 0, 4)
    shop.alipay.away = False
    assert (await handle.result()).status is OrderStatus.TIMED_OUT
    assert await shop.counts() == (5, 0, 0, 5)


async def test_a_second_payment_found_while_closing_goes_back(shop: Shop) -> None:
    """One pays the order, and the close of the other, which was away, finds money as well."""
    handle = await shop.start(intent := await shop.intent())
    first = await shop.begin_payment(handle)
    second = await begin(shop, handle)
    shop.alipay.pay(first.payment_id)
    receipt = shop.wechatpay.pay(second.payment_id)
    shop.alipay.away = True
    await handle.signal(OrderWorkflow.payment_noticed, receipt)
    await until(lambda: _is_fulfilled(shop, intent))
    shop.alipay.away = False

    assert (await handle.result()).status is OrderStatus.FULFILLED
    await until(lambda: list(shop.alipay.refunded.values()) == [PRICE])


async def _is_fulfilled(shop: Shop, intent: Intent) -> bool:
    return (await shop.dossier(intent.order_id)).order.status is OrderStatus.FULFILLED
