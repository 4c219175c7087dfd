"""A buyer is told of money that went back: once per refund, each by its own number."""

import pytest

from activities.refund_messages import RefundMessageActivities, TellBuyer
from domain.order import Order
from domain.payment import Payment
from infra.buyer_messages.protocol import MessageNotSent
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.refunds import Refunds
from tests.support.ledger import open_item, pay, place
from tests.support.sender_double import SenderDouble
from tests.support.values import a_refund


@pytest.fixture
async def order(database: Database) -> Order:
    return await place(database, await open_item(database))


@pytest.fixture
async def payment(database: Database, order: Order) -> Payment:
    return await pay(database, order)


async def _parts(database: Database, payment: Payment) -> list[TellBuyer]:
    refunds = [a_refund(payment, refund_id=f"R{part}", amount=100) for part in (1, 2)]
    async with database.transaction() as connection:
        await Orders(connection).show_change(payment.order_id)
        for refund in refunds:
            await Refunds(connection).request(refund)
    return [TellBuyer(order_id=one.order_id, refund_id=one.refund_id) for one in refunds]


async def test_each_refund_is_told_once_under_its_own_number(
    database: Database, payment: Payment
) -> None:
    sender = SenderDouble()
    first, second = await _parts(database, payment)

    for command in (first, second, first):
        await RefundMessageActivities(database, sender).tell_buyer(command)

    order_id = payment.order_id
    assert sender.sent == {f"{order_id}-money_back-1", f"{order_id}-money_back-2"}


async def test_who_cannot_be_reached_is_told_so_that_it_is_tried_again(
    database: Database, payment: Payment
) -> None:
    sender = SenderDouble()
    sender.fails[payment.order_id] = 1
    command, _ = await _parts(database, payment)

    with pytest.raises(MessageNotSent):
        await RefundMessageActivities(database, sender).tell_buyer(command)


async def test_of_an_unknown_refund_nobody_is_told(database: Database, order: Order) -> None:
    sender = SenderDouble()
    command = TellBuyer(order_id=order.order_id, refund_id="unknown")

    await RefundMessageActivities(database, sender).tell_buyer(command)

    assert sender.tries.total() == 0
