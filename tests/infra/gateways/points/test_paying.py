"""Points are begun, debited and settled in one transaction, or not at all."""

import asyncio

import pytest

from domain.gateway_errors import AlreadyClosed, NotEnoughPoints
from domain.order import Order
from domain.payment import Payment, PaymentMethod
from domain.states import PaymentStatus
from infra.gateways.points.paying import pay_with_points
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from infra.postgres.points import Points
from tests.support.ledger import begin, damage, open_item, place, settle
from tests.support.values import a_payment

NEEDED = 880


async def _give(database: Database, points: int) -> None:
    async with database.transaction() as connection:
        await Points(connection).grant("ada", points, "a present")


async def _balance(database: Database) -> int:
    async with database.transaction() as connection:
        return await Points(connection).balance("ada")


async def _pay(database: Database, order: Order) -> Payment:
    in_points = a_payment(order, PaymentMethod.POINTS, NEEDED)
    return await pay_with_points(database, in_points, "buyer:ada")


async def _written(database: Database, order: Order) -> list[Payment]:
    async with database.transaction() as connection:
        return await Payments(connection).of_order(order.order_id)


async def test_points_leave_nothing_open(database: Database) -> None:
    """However often they are taken."""
    order = await place(database, await open_item(database))
    with pytest.raises(NotEnoughPoints):
        await _pay(database, order)
    assert await _written(database, order) == []

    await _give(database, 1000)
    begun = [await _pay(database, order) for _ in range(2)]

    assert [payment.status for payment in begun] == [PaymentStatus.PAID] * 2
    assert await _balance(database) == 1000 - NEEDED
    async with database.transaction() as connection:
        events = await Orders(connection).events(order.order_id)
    assert [event.event for event in events] == ["placed", "payment_begun", "paid"]


@pytest.mark.parametrize(
    "end",
    [
        "UPDATE orders SET status = 'timed_out'",
        "UPDATE orders SET closing_at = now()",
        "UPDATE orders SET pay_deadline = now()",
    ],
)
async def test_points_are_not_taken_for_an_order_that_is_over_or_closing(
    database: Database, end: str
) -> None:
    await _give(database, 1000)
    order = await place(database, await open_item(database))
    await damage(database, end)

    with pytest.raises(AlreadyClosed):
        await _pay(database, order)

    assert await _written(database, order) == []
    assert await _balance(database) == 1000


async def test_what_the_release_before_has_taken_is_settled(database: Database) -> None:
    await _give(database, 1000)
    order = await place(database, await open_item(database))
    begun = await begin(database, a_payment(order, PaymentMethod.POINTS, NEEDED))
    async with database.transaction() as connection:
        await Points(connection).debit(order.order_id, "ada", NEEDED, begun.payment_id)

    assert (await _pay(database, order)).status is PaymentStatus.PAID
    assert await _balance(database) == 1000 - NEEDED


async def test_points_and_other_money_of_one_moment_pay_once(database: Database) -> None:
    item = await open_item(database)
    await _give(database, 10_000)
    by_points = 0
    for _ in range(4):
        order = await place(database, item)
        page = await begin(database, a_payment(order))
        points, money = await asyncio.gather(
            _pay(database, order), settle(database, page), return_exceptions=True
        )
        paid = isinstance(points, Payment)
        assert money is not paid
        by_points += paid
    assert await _balance(database) == 10_000 - NEEDED * by_points
