"""Money is taken once, and what its order cannot take goes back: second payments, wrong amounts."""

from domain.attention import AttentionKind
from domain.refund import RefundReason
from domain.states import OrderStatus, PaymentStatus, RefundStatus
from tests.support.ledger import damage
from tests.support.refunding import begin, open_attentions, refund_of, refunds_of
from tests.support.shop import PRICE, Shop
from workflows.order import OrderWorkflow

FORGET = (
    "DELETE FROM order_events WHERE order_id = :order_id",
    "DELETE FROM payments WHERE order_id = :order_id",
    "DELETE FROM stock_movements WHERE order_id = :order_id",
    "DELETE FROM orders WHERE order_id = :order_id",
)


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


async def test_money_of_an_order_that_postgres_forgot_is_left_to_a_person(shop: Shop) -> None:
    """Postgres was set back to a moment before the order was placed; then its buyer pays."""
    handle = await shop.start(intent := await shop.intent())
    payment = await shop.begin_payment(handle)
    for forget in FORGET:
        await damage(shop.database, forget, order_id=intent.order_id)
    receipt = shop.alipay.pay(payment.payment_id)

    await handle.signal(OrderWorkflow.payment_noticed, receipt)
    await handle.result()

    outcome = await refund_of(shop, receipt).result()
    assert (outcome.status, outcome.detail) == (None, "there is no such payment of this order")
    assert await open_attentions(shop) == [(AttentionKind.SURPLUS_MONEY, receipt.trade_no)]
