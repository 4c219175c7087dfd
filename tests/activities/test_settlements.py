"""Money pays an order once, and what it cannot take is accounted for and named."""

from activities.settlements import RecordSurplus, Settled, SettlementActivities, SettlePayment
from domain.order import EventKind, Order
from domain.payment import PaymentMethod, Receipt
from domain.refund import RefundReason
from domain.states import OrderStatus, PaymentStatus
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from tests.support.ledger import begin, cancel, figures, money_of, open_item, pay, place
from tests.support.values import PRICE, a_payment, a_receipt


async def _settle(database: Database, order: Order, receipt: Receipt) -> Settled:
    command = SettlePayment(order_id=order.order_id, receipt=receipt)
    return await SettlementActivities(database).settle_payment(command)


async def test_the_money_told_twice_pays_once(database: Database) -> None:
    item = await open_item(database)
    order = await place(database, item)
    receipt = a_receipt(await begin(database, a_payment(order)))

    assert await _settle(database, order, receipt) == Settled()
    assert await _settle(database, order, receipt) == Settled(status=OrderStatus.PAID)

    assert await figures(database, item) == (9, 0, 1)
    assert await money_of(database, order.order_id) == (PRICE, 0)


async def test_an_order_that_is_paid_cannot_take_more(database: Database) -> None:
    order = await place(database, await open_item(database))
    await pay(database, order)
    second = await begin(database, a_payment(order, PaymentMethod.WECHATPAY))

    settled = await _settle(database, order, a_receipt(second))

    assert settled.surplus is RefundReason.SECOND_PAYMENT


async def test_another_amount_is_not_taken_and_marks_its_payment(database: Database) -> None:
    order = await place(database, await open_item(database))
    receipt = a_receipt(await begin(database, a_payment(order)), amount=PRICE - 1)

    settled = await _settle(database, order, receipt)
    assert settled.surplus is RefundReason.WRONG_AMOUNT
    surplus = RecordSurplus(order_id=order.order_id, receipt=receipt, reason=settled.surplus)
    request = await SettlementActivities(database).record_surplus(surplus)

    assert (request.amount, request.currency) == (PRICE - 1, "CNY")
    async with database.transaction() as connection:
        dossier = await Orders(connection).dossier(order.order_id)
    assert dossier is not None
    assert dossier.order.status is OrderStatus.PENDING_PAYMENT
    assert dossier.payments[0].status is PaymentStatus.MISMATCHED


async def test_money_for_what_was_given_up_or_never_known_is_late(database: Database) -> None:
    order = await place(database, await open_item(database))
    receipt = a_receipt(await begin(database, a_payment(order)))
    unknown = receipt.model_copy(update={"payment_id": "unknown"})
    await cancel(database, order)

    assert (await _settle(database, order, receipt)).surplus is RefundReason.LATE_PAYMENT
    assert (await _settle(database, order, unknown)).surplus is RefundReason.LATE_PAYMENT


async def test_surplus_money_is_put_on_the_ledger_once(database: Database) -> None:
    order = await place(database, await open_item(database))
    receipt = a_receipt(await begin(database, a_payment(order)))
    await cancel(database, order)
    surplus = RecordSurplus(
        order_id=order.order_id, receipt=receipt, reason=RefundReason.LATE_PAYMENT
    )
    activities = SettlementActivities(database)

    assert await activities.record_surplus(surplus) == await activities.record_surplus(surplus)

    assert await money_of(database, order.order_id) == (PRICE, 0)
    async with database.transaction() as connection:
        dossier = await Orders(connection).dossier(order.order_id)
    assert dossier is not None
    assert [event.event for event in dossier.events].count(EventKind.SURPLUS_MONEY) == 1
