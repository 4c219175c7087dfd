"""Money that came too late goes back, or buys its order after all where the sale honours that."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from temporalio.testing import WorkflowEnvironment

from domain.refund import RefundReason
from domain.reservation import Intent, ReservationState
from domain.sale import LatePaymentPolicy
from domain.states import OrderStatus, PaymentStatus, RefundStatus
from domain.surplus_money import surplus_refund
from infra.postgres.engine import Database
from tests.support.polling import until
from tests.support.refunding import (
    a_timed_out_order,
    events,
    run_refund,
    start_late_refund,
    start_refund,
)
from tests.support.shop import PRICE, Shop, open_shop
from tests.support.unlucky_branches import handle_of, rebuild_without_reservations

REFUNDED = (OrderStatus.REFUNDING, OrderStatus.REFUNDED)


@pytest.fixture
async def honouring(
    database: Database, redis: Redis, time_skipping: WorkflowEnvironment
) -> AsyncIterator[Shop]:
    """A sale of one unit, which may still be had by who pays late."""
    async with (
        open_shop(
            database,
            redis,
            time_skipping.client,
            stock=1,
            limit=1,
            late_payment=LatePaymentPolicy.HONOUR,
        ) as shop,
        shop.worker(),
    ):
        yield shop


async def test_money_that_comes_too_late_goes_back(shop: Shop) -> None:
    intent, receipt = await a_timed_out_order(shop)

    outcome = await (await start_late_refund(shop, intent, receipt)).result()

    assert outcome.status is RefundStatus.DONE
    assert shop.alipay.refunded == {f"RA{receipt.trade_no}": PRICE}
    dossier = await shop.dossier(intent.order_id)
    assert dossier.order.status is OrderStatus.TIMED_OUT
    assert dossier.payments[0].status is PaymentStatus.REFUNDED
    assert dossier.payments[0].trade_no == receipt.trade_no
    assert await shop.counts() == (5, 0, 0, 5)


async def test_a_late_payment_is_honoured_while_there_is_stock(honouring: Shop) -> None:
    intent, receipt = await a_timed_out_order(honouring)

    outcome = await (await start_late_refund(honouring, intent, receipt)).result()

    assert outcome.honoured
    assert honouring.alipay.refunds_asked == []
    dossier = await honouring.dossier(intent.order_id)
    assert dossier.order.status is OrderStatus.FULFILLED
    assert dossier.payments[0].status is PaymentStatus.PAID
    assert "paid_late" in events(dossier)
    assert len(dossier.deliveries) == 3
    assert await honouring.counts() == (0, 0, 1, 0)
    assert await _state(honouring, intent) is ReservationState.SOLD
    assert await honouring.points("ada") == PRICE // 100


async def test_an_order_honoured_late_can_be_refunded_like_any_other(honouring: Shop) -> None:
    intent, receipt = await a_timed_out_order(honouring)
    await (await start_late_refund(honouring, intent, receipt)).result()

    outcome = await (await start_refund(honouring, intent.order_id)).result()

    assert outcome.status is RefundStatus.DONE
    assert (await honouring.dossier(intent.order_id)).order.status is OrderStatus.REFUNDED
    assert await honouring.counts() == (1, 0, 0, 1)


async def test_the_same_late_money_told_again_is_honoured_once(honouring: Shop) -> None:
    intent, receipt = await a_timed_out_order(honouring)
    await (await start_late_refund(honouring, intent, receipt)).result()

    again = await (await start_late_refund(honouring, intent, receipt)).result()

    assert (again.honoured, again.status) == (False, None)
    assert honouring.alipay.refunds_asked == []
    assert await honouring.counts() == (0, 0, 1, 0)


async def test_a_late_payment_goes_back_when_the_stock_is_gone(honouring: Shop) -> None:
    intent, receipt = await a_timed_out_order(honouring)
    taken = await honouring.start(await honouring.intent("bob"))
    await honouring.pay(taken)
    await taken.result()

    outcome = await (await start_late_refund(honouring, intent, receipt)).result()

    assert outcome.status is RefundStatus.DONE
    assert await honouring.counts() == (0, 0, 1, 0)
    assert await _state(honouring, intent) is ReservationState.RELEASED


async def test_what_redis_has_and_postgres_has_not_is_given_back_to_redis(
    honouring: Shop,
) -> None:
    intent, receipt = await a_timed_out_order(honouring)
    taken = await honouring.start(await honouring.intent("bob"))
    await honouring.pay(taken)
    await taken.result()
    terms = await honouring.gate.terms(honouring.item.ref)
    assert terms is not None
    await honouring.gate.rebuild(terms, 1, [])

    outcome = await (await start_late_refund(honouring, intent, receipt)).result()

    assert outcome.status is RefundStatus.DONE
    assert await honouring.counts() == (0, 0, 1, 1)
    assert await _state(honouring, intent) is ReservationState.RELEASED
    assert await honouring.gate.reclaim(intent) is False


async def test_who_has_bought_another_unit_meanwhile_is_not_sold_beyond_the_limit(
    database: Database, redis: Redis, time_skipping: WorkflowEnvironment
) -> None:
    async with (
        open_shop(
            database,
            redis,
            time_skipping.client,
            stock=5,
            limit=1,
            late_payment=LatePaymentPolicy.HONOUR,
        ) as shop,
        shop.worker(),
    ):
        intent, receipt = await a_timed_out_order(shop)
        other = await shop.start(await shop.intent())
        await shop.pay(other)
        await other.result()

        outcome = await (await start_late_refund(shop, intent, receipt)).result()

        assert outcome.status is RefundStatus.DONE
        assert await shop.counts() == (4, 0, 1, 4)


async def test_an_order_somebody_cancelled_is_not_honoured(honouring: Shop) -> None:
    handle = await honouring.start(intent := await honouring.intent())
    payment = await honouring.begin_payment(handle)
    assert await honouring.cancel(handle) is OrderStatus.CANCELLED
    await handle.result()
    honouring.alipay.closed.clear()
    receipt = honouring.alipay.pay(payment.payment_id)

    outcome = await (await start_late_refund(honouring, intent, receipt)).result()

    assert outcome.status is RefundStatus.DONE
    assert (await honouring.dossier(intent.order_id)).order.status is OrderStatus.CANCELLED
    assert await honouring.counts() == (1, 0, 0, 1)


async def _state(shop: Shop, intent: Intent) -> ReservationState | None:
    reservation = await shop.gate.reservation(intent.item, intent.order_id)
    return reservation.state if reservation else None


async def test_money_that_is_promised_back_buys_nothing_whatever_redis_has_forgotten(
    honouring: Shop,
) -> None:
    """A second run of the refund is asked the same question, and must hear the same answer."""
    intent, receipt = await a_timed_out_order(honouring)
    other = await honouring.start(await honouring.intent("bob"))
    honouring.alipay.takes_refunds_on = True
    refund = await start_late_refund(honouring, intent, receipt)
    await until(lambda: honouring.alipay.taken_on)
    await honouring.cancel(other)
    await other.result()
    await rebuild_without_reservations(honouring, stock=1)
    await refund.terminate()

    # The provider does what it has taken on.
    honouring.alipay.takes_refunds_on = False
    again = await start_late_refund(honouring, intent, receipt)

    assert (await again.result()).status is RefundStatus.DONE
    dossier = await honouring.dossier(intent.order_id)
    assert (dossier.order.status, dossier.deliveries) == (OrderStatus.TIMED_OUT, ())
    assert await honouring.counts() == (1, 0, 0, 1)


async def test_what_an_earlier_run_has_decided_is_not_asked_again(honouring: Shop) -> None:
    intent, receipt = await a_timed_out_order(honouring)
    request = surplus_refund(intent.order_id, receipt, RefundReason.LATE_PAYMENT, "CNY")

    decided = request.model_copy(update={"not_honoured": True})
    outcome = await (await run_refund(honouring, decided)).result()

    assert (outcome.honoured, outcome.status) == (False, RefundStatus.DONE)


async def test_an_order_honoured_late_is_refunded_while_it_waits_for_a_delivery(
    honouring: Shop,
) -> None:
    intent, receipt = await a_timed_out_order(honouring)
    honouring.sender.fails[intent.order_id] = 1000
    outcome = await (await start_late_refund(honouring, intent, receipt)).result()
    assert outcome.honoured
    assert (await honouring.dossier(intent.order_id)).order.status is OrderStatus.PAID
    # The order's own workflow has taken it up, and fails as well.
    await until(lambda: honouring.sender.fails[intent.order_id] < 999)

    refund = await start_refund(honouring, intent.order_id)

    assert (await refund.result()).status is RefundStatus.DONE
    assert (await handle_of(honouring, intent).result()).status in REFUNDED
    assert await honouring.counts() == (1, 0, 0, 1)


async def test_an_order_honoured_late_waits_under_its_own_name_for_its_delivery(
    honouring: Shop,
) -> None:
    intent, receipt = await a_timed_out_order(honouring)
    honouring.sender.fails[intent.order_id] = 2
    await (await start_late_refund(honouring, intent, receipt)).result()

    assert (await handle_of(honouring, intent).result()).status is OrderStatus.FULFILLED
    assert await honouring.counts() == (0, 0, 1, 0)
