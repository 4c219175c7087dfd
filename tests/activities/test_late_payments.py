"""An order that timed out may still be had for its money, if its sale and its stock allow it."""

from dataclasses import dataclass

import pytest

from activities.late_payments import Honoured, LatePayment, LatePaymentActivities, Reclaimable
from domain.order import Order
from domain.payment import Receipt
from domain.sale import Item, LatePaymentPolicy
from domain.states import OrderStatus
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.sales import Sales
from infra.postgres.stock import Stock
from tests.support.ledger import begin, damage, figures, money_of, pay, place
from tests.support.values import NOON, a_new_item, a_new_sale, a_payment
from tests.support.workflows_double import WorkflowsDouble


@dataclass
class Late:
    item: Item
    order: Order
    payment: LatePayment


def _activities(database: Database) -> LatePaymentActivities:
    return LatePaymentActivities(database, WorkflowsDouble())


async def _late(
    database: Database,
    *,
    policy: LatePaymentPolicy = LatePaymentPolicy.HONOUR,
    end: OrderStatus = OrderStatus.TIMED_OUT,
    stock: int = 1,
    limit: int = 1,
) -> Late:
    """An order that was given up, and money for it."""
    sale = a_new_sale(a_new_item(stock=stock, per_user_limit=limit))
    async with database.transaction() as connection:
        created = await Sales(connection).create(
            "noon", sale.model_copy(update={"late_payment": policy})
        )
    item = created.items[0]
    order = await place(database, item)
    payment = await begin(database, a_payment(order))
    async with database.transaction() as connection:
        await Orders(connection).change_status(order.order_id, OrderStatus.PENDING_PAYMENT, end)
        await Stock(connection).release(order)
    receipt = Receipt(
        method=payment.method,
        payment_id=payment.payment_id,
        trade_no="T1",
        amount=payment.amount,
        paid_at=NOON,
    )
    return Late(item, order, LatePayment(order_id=order.order_id, receipt=receipt))


async def _status(database: Database, order: Order) -> OrderStatus | None:
    async with database.transaction() as connection:
        now = await Orders(connection).get(order.order_id)
    return now.status if now else None


async def test_a_sale_that_honours_late_money_says_what_to_reclaim(database: Database) -> None:
    late = await _late(database)

    considered = await _activities(database).consider_late_payment(late.payment)

    assert considered == Reclaimable(intent=late.order.intent)


@pytest.mark.parametrize(
    ("policy", "end"),
    [
        (LatePaymentPolicy.REFUND, OrderStatus.TIMED_OUT),
        (LatePaymentPolicy.HONOUR, OrderStatus.CANCELLED),
    ],
)
async def test_what_the_sale_or_its_buyer_does_not_want_is_not_had(
    database: Database, policy: LatePaymentPolicy, end: OrderStatus
) -> None:
    late = await _late(database, policy=policy, end=end)

    considered = await _activities(database).consider_late_payment(late.payment)

    assert considered == Reclaimable()


async def test_another_amount_buys_nothing(database: Database) -> None:
    late = await _late(database)
    receipt = late.payment.receipt
    less = late.payment.model_copy(
        update={"receipt": receipt.model_copy(update={"amount": receipt.amount - 1})}
    )
    activities = _activities(database)

    assert await activities.consider_late_payment(less) == Reclaimable()
    assert await activities.honour_late_payment(less) == Honoured(accepted=False)
    assert await figures(database, late.item) == (1, 0, 0)


async def test_late_money_is_honoured_once_however_often_it_is_told(database: Database) -> None:
    late = await _late(database)
    activities = _activities(database)

    for _ in range(2):
        assert await activities.honour_late_payment(late.payment) == Honoured(accepted=True)

    assert await _status(database, late.order) is OrderStatus.PAID
    assert await figures(database, late.item) == (0, 0, 1)
    assert await money_of(database, late.order.order_id) == (late.payment.receipt.amount, 0)


async def test_what_others_have_bought_meanwhile_is_not_sold_twice(database: Database) -> None:
    late = await _late(database)
    await pay(database, await place(database, late.item, "bob"))

    honoured = await _activities(database).honour_late_payment(late.payment)

    assert honoured == Honoured(accepted=False)
    assert await _status(database, late.order) is OrderStatus.TIMED_OUT
    assert await figures(database, late.item) == (0, 0, 1)
    assert await money_of(database, late.order.order_id) == (0, 0)


async def test_who_has_bought_again_meanwhile_gets_no_more_than_the_limit(
    database: Database,
) -> None:
    late = await _late(database, stock=2)
    await pay(database, await place(database, late.item))

    honoured = await _activities(database).honour_late_payment(late.payment)

    assert honoured == Honoured(accepted=False)
    assert await figures(database, late.item) == (1, 0, 1)


async def test_a_cancelled_sale_honours_nothing(database: Database) -> None:
    late = await _late(database)
    await damage(database, "UPDATE sales SET status = 'cancelled'")
    activities = _activities(database)

    assert await activities.consider_late_payment(late.payment) == Reclaimable()
    # Nor does what was considered before it was cancelled.
    assert await activities.honour_late_payment(late.payment) == Honoured(accepted=False)
    assert await _status(database, late.order) is OrderStatus.TIMED_OUT
