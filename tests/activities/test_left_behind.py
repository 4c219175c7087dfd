"""What nobody told us is found by rounds: lost notices, and orders that nobody works on."""

from collections.abc import Awaitable, Callable

import pytest
from temporalio.testing import ActivityEnvironment

from activities.left_behind import LeftBehind
from domain.ids import workflow_id
from domain.payment import Payment
from domain.reservation import Intent
from domain.states import OrderStatus
from tests.support.ahead_branches import begin_ahead, settle_ahead
from tests.support.ledger import damage
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
