"""What nobody told us is found by rounds: lost notices, and orders that nobody works on."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import ActivityEnvironment

from activities.left_behind import LeftBehind
from domain.ids import workflow_id
from domain.payment import Payment
from domain.reservation import Intent
from domain.states import OrderStatus, PaymentStatus
from tests.support.ahead_branches import begin_ahead, settle_ahead
from tests.support.ledger import damage
from tests.support.refunding import refund_of
from tests.support.shop import Shop


@pytest.fixture
def shop(shop_without_worker: Shop) -> Shop:
    return shop_without_worker


@pytest.fixture
async def begun(shop: Shop) -> Payment:
    """Ahead of a workflow, and its order has none by now."""
    return await _begun(shop, await shop.intent())


async def _begun(shop: Shop, intent: Intent) -> Payment:
    async with shop.worker():
        handle = await shop.start(intent)
        payment = await begin_ahead(shop, intent)
    await handle.terminate()
    return payment


async def a_round(shop: Shop) -> LeftBehind:
    (step,) = (one for one in shop.activities().general if one.__name__ == "take_up_what_is_left")
    take_up: Callable[[], Awaitable[LeftBehind]] = step
    return await ActivityEnvironment().run(take_up)


async def minutes_go_by(shop: Shop, minutes: int) -> None:
    """For payments and their orders."""
    for what in (
        "UPDATE payments SET created_at = created_at - make_interval(mins => :m),"
        " ask_at = ask_at - make_interval(mins => :m),"
        " paid_at = paid_at - make_interval(mins => :m)",
        "UPDATE orders SET pay_deadline = pay_deadline - make_interval(mins => :m)",
    ):
        await damage(shop.database, what, m=minutes)


async def test_a_payment_whose_notice_was_lost_is_found_after_a_minute(
    shop: Shop, begun: Payment
) -> None:
    shop.alipay.pay(begun.payment_id)
    assert await a_round(shop) == LeftBehind()

    await minutes_go_by(shop, 1)
    assert await a_round(shop) == LeftBehind(asked=1, paid=1)
    assert (await shop.dossier(begun.order_id)).order.status is OrderStatus.PAID

    async with shop.worker():
        handle = shop.client.get_workflow_handle(workflow_id(begun.order_id))
        await handle.result()
    assert (await shop.dossier(begun.order_id)).order.status is OrderStatus.FULFILLED


async def test_a_payment_nobody_pays_is_asked_after_a_few_times_and_no_more(
    shop: Shop, begun: Payment
) -> None:
    rounds = []
    for minutes in (1, 1, 3, 10, 10):
        await minutes_go_by(shop, minutes)
        rounds.append((await a_round(shop)).asked)
    assert rounds == [1, 0, 1, 1, 0]


async def test_a_payment_begun_by_an_update_is_asked_after_by_rounds(shop: Shop) -> None:
    """And by no timer of its workflow."""
    async with shop.worker():
        handle = await shop.start(intent := await shop.intent())
        payment = await shop.begin_payment(handle)
        shop.alipay.pay(payment.payment_id)
        await minutes_go_by(shop, 1)
        assert await a_round(shop) == LeftBehind(asked=1, paid=1)
        await handle.result()
    timers = [event for event in (await handle.fetch_history()).events if _is_timer(event)]
    assert len(timers) == 1
    assert (await shop.dossier(intent.order_id)).order.status is OrderStatus.FULFILLED


def _is_timer(event: Any) -> bool:
    return bool(event.HasField("timer_started_event_attributes"))


# What is open at a provider although nobody may pay it any more.


async def test_what_is_open_of_an_order_that_is_over_is_closed_by_a_round(
    shop: Shop, begun: Payment
) -> None:
    await damage(
        shop.database,
        "UPDATE orders SET status = 'timed_out' WHERE order_id = :id",
        id=begun.order_id,
    )
    await minutes_go_by(shop, 1)
    shop.alipay.away = True
    assert await a_round(shop) == LeftBehind()
    shop.alipay.away = False
    await minutes_go_by(shop, 1)

    assert await a_round(shop) == LeftBehind(closed=1)

    assert begun.payment_id in shop.alipay.closed
    (payment,) = (await shop.dossier(begun.order_id)).payments
    assert payment.status is PaymentStatus.CLOSED
    await minutes_go_by(shop, 1)
    assert await a_round(shop) == LeftBehind()


async def test_a_payment_whose_provider_never_answered_is_closed_twice(shop: Shop) -> None:
    """Its beginning overtook the close, or came after it: nobody knows."""
    async with shop.worker():
        handle = await shop.start(intent := await shop.intent())
        shop.alipay.away = True
        with pytest.raises(WorkflowUpdateFailedError):
            await shop.begin_payment(handle)
        shop.alipay.away = False
        await shop.cancel(handle)
        (payment,) = (await shop.dossier(intent.order_id)).payments
        assert payment.status is PaymentStatus.CLOSED
        # The call that had no answer is heard now, and the buyer pays.
        shop.alipay.closed.clear()
        shop.alipay.charges[payment.payment_id] = payment.charge_for("a teapot")
        shop.alipay.pay(payment.payment_id)
        await minutes_go_by(shop, 1)

        assert await a_round(shop) == LeftBehind()

        refund = refund_of(shop, shop.alipay.receipts[payment.payment_id])
        await refund.result()
    assert list(shop.alipay.refunded.values()) == [payment.amount]


async def test_a_provider_that_is_away_is_asked_again_later(shop: Shop, begun: Payment) -> None:
    shop.alipay.pay(begun.payment_id)
    shop.alipay.away = True
    await minutes_go_by(shop, 1)
    assert await a_round(shop) == LeftBehind(asked=1)
    shop.alipay.away = False
    await minutes_go_by(shop, 4)
    assert await a_round(shop) == LeftBehind(asked=1, paid=1)


async def test_an_order_past_its_deadline_and_one_paid_long_ago_are_started(
    shop: Shop, begun: Payment
) -> None:
    """Whoever settled it died before anybody was told, and there was no notice to repeat."""
    paid = await _begun(shop, await shop.intent("bob"))
    await settle_ahead(shop, paid)
    await minutes_go_by(shop, 11)
    assert (await a_round(shop)).started == 1

    await minutes_go_by(shop, shop.sale.pay_window_seconds // 60)
    assert (await a_round(shop)).started == 1
    # Both run by now.
    assert (await a_round(shop)).started == 0

    async with shop.worker():
        for order_id in (begun.order_id, paid.order_id):
            await shop.client.get_workflow_handle(workflow_id(order_id)).result()
    assert (await shop.dossier(begun.order_id)).order.status is OrderStatus.TIMED_OUT
    assert (await shop.dossier(paid.order_id)).order.status is OrderStatus.FULFILLED
