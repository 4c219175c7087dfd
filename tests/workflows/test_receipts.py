"""Money is taken once, and what its order cannot take goes back: second payments, wrong amounts."""

from domain.refund import RefundReason
from domain.states import OrderStatus, PaymentStatus, RefundStatus
from tests.support.refunding import begin, refund_of, refunds_of
from tests.support.shop import PRICE, Shop
from workflows.order import OrderWorkflow


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


async def test_a_second_payment_through_another_provider_goes_back(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    second = shop.wechatpay.pay((await begin(shop, handle)).payment_id)
    await shop.pay(handle)

    assert (await handle.result()).status is OrderStatus.FULFILLED
    assert (await refund_of(shop, second).result()).status is RefundStatus.DONE

    assert shop.wechatpay.refunded == {f"RW{second.trade_no}": PRICE}
    assert shop.alipay.refunded == {}
    dossier = await shop.dossier(intent.order_id)
    assert dossier.order.status is OrderStatus.FULFILLED
    assert {payment.status for payment in dossier.payments} == {
        PaymentStatus.PAID,
        PaymentStatus.REFUNDED,
    }
    assert [refund.reason for refund in dossier.refunds] == [RefundReason.SECOND_PAYMENT]
    assert await shop.counts() == (4, 0, 1, 4)


async def test_a_wrong_amount_goes_back_while_the_order_waits_on(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    payment = await begin(shop, handle)
    wrong = shop.wechatpay.pay(payment.payment_id, amount=PRICE + 1)
    await handle.signal(OrderWorkflow.payment_noticed, wrong)
    await handle.execute_update("recheck_payment", {"actor": "operator:olga"})
    await refund_of(shop, wrong).result()

    assert shop.wechatpay.refunded == {f"RW{wrong.trade_no}": PRICE + 1}
    await shop.pay(handle)
    assert (await handle.result()).status is OrderStatus.FULFILLED
    assert len(await refunds_of(shop, intent.order_id)) == 1
