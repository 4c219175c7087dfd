import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from domain.order import Order
from domain.payment import Payment, PaymentMethod, PaymentScene
from domain.states import OrderStatus, PaymentStatus
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.payable_orders import ClosingOrder, NextPayment, PayableOrders
from infra.postgres.payments import Payments
from tests.support.ledger import begin, cancel, damage, open_item, pay, place
from tests.support.values import NOON, a_payment

ALIPAY, PAGE = PaymentMethod.ALIPAY, PaymentScene.PAGE


@asynccontextmanager
async def _payable(database: Database) -> AsyncIterator[PayableOrders]:
    async with database.transaction() as connection:
        yield PayableOrders(connection)


async def _begin_under_lock(database: Database, order: Order) -> Payment | None:
    """As a caller begins: held, looked, written, all in one transaction."""
    async with database.transaction() as connection:
        payable = PayableOrders(connection)
        if await payable.hold(order.order_id, NOON) is None:
            return None
        next_ = await payable.next_payment(order.order_id, ALIPAY, PAGE, NOON)
        if next_.standing:
            return next_.standing
        payment = a_payment(order).model_copy(update={"payment_id": next_.payment_id})
        assert await Payments(connection).insert(payment)
        return payment


async def _close(database: Database, order: Order) -> ClosingOrder:
    async with _payable(database) as payable:
        return await payable.close(order.order_id)


def _begun_ahead(order: Order, number: int) -> NextPayment:
    return NextPayment(None, f"{order.order_id}A{number}", may_be_begun_ahead=True)


class TestHold:
    async def test_of_a_cancelled_sale_no_payment_is_begun(self, database: Database) -> None:
        order = await place(database, await open_item(database))
        await damage(database, "UPDATE sales SET status = 'cancelled'")

        assert await _begin_under_lock(database, order) is None

    async def test_an_order_that_waits_is_held(self, database: Database) -> None:
        order = await place(database, await open_item(database))
        async with _payable(database) as payable:
            assert await payable.hold(order.order_id, NOON) == order

    async def test_an_order_past_its_deadline_is_not(self, database: Database) -> None:
        order = await place(database, await open_item(database))
        async with _payable(database) as payable:
            assert await payable.hold(order.order_id, NOON + timedelta(minutes=30)) is None
            assert await payable.hold("nobody's", NOON) is None

    async def test_an_order_that_is_paid_or_over_or_closing_is_not(
        self, database: Database
    ) -> None:
        item = await open_item(database)
        paid, over, closing = [await place(database, item) for _ in range(3)]
        await pay(database, paid)
        await cancel(database, over)
        await _close(database, closing)
        async with _payable(database) as payable:
            for order in (paid, over, closing):
                assert await payable.hold(order.order_id, NOON) is None

    async def test_payments_of_others_are_not_kept_waiting(self, database: Database) -> None:
        """A payment's row refers to its order's, which somebody else may be holding."""
        order = await place(database, await open_item(database))
        async with _payable(database) as payable:
            await payable.hold(order.order_id, NOON)
            async with asyncio.timeout(30), database.transaction() as other:
                assert await Payments(other).insert(a_payment(order, PaymentMethod.WECHATPAY))


class TestNextPayment:
    async def _next(
        self, database: Database, order: Order, scene: PaymentScene = PAGE
    ) -> NextPayment:
        async with _payable(database) as payable:
            return await payable.next_payment(order.order_id, ALIPAY, scene, NOON)

    async def test_the_first_has_number_one(self, database: Database) -> None:
        order = await place(database, await open_item(database))
        assert await self._next(database, order) == _begun_ahead(order, 1)

    async def test_of_an_order_of_the_release_before_none_is_begun_ahead(
        self, database: Database
    ) -> None:
        """Its workflow may close what it remembers, and nothing else."""
        order = await place(database, await open_item(database))
        await damage(database, "UPDATE orders SET ahead = false")
        assert await self._next(database, order) == NextPayment(None, f"{order.order_id}A1")

    async def test_one_that_stands_is_answered_again(self, database: Database) -> None:
        payment = await begin(database, a_payment(await place(database, await open_item(database))))
        order_id = payment.order_id
        async with _payable(database) as payable:
            found = await payable.next_payment(order_id, ALIPAY, PAGE, NOON)
            assert found == NextPayment(payment, payment.payment_id)

    async def test_another_scene_is_another_payment(self, database: Database) -> None:
        order = await place(database, await open_item(database))
        await begin(database, a_payment(order))
        found = await self._next(database, order, PaymentScene.QR)
        assert found == _begun_ahead(order, 2)

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE payments SET status = 'closed'",
            "UPDATE payments SET expires_at = '2029-01-01Z'",
        ],
    )
    async def test_one_nobody_can_pay_any_more_is_followed_by_a_new_number(
        self, database: Database, change: str
    ) -> None:
        order = await place(database, await open_item(database))
        await begin(database, a_payment(order))
        await damage(database, change)
        assert await self._next(database, order) == _begun_ahead(order, 2)

    async def test_a_number_is_never_given_twice(self, database: Database) -> None:
        """Another method's attempts do not count; a number that a gap has left does."""
        order = await place(database, await open_item(database))
        await begin(database, a_payment(order, PaymentMethod.WECHATPAY))
        second = a_payment(order).model_copy(update={"payment_id": f"{order.order_id}A2"})
        await begin(database, second)
        await damage(database, "UPDATE payments SET status = 'closed'")
        assert await self._next(database, order) == _begun_ahead(order, 3)


class TestClose:
    async def test_an_order_without_payments_begins_none_any_more(self, database: Database) -> None:
        order = await place(database, await open_item(database))
        assert await _close(database, order) == ClosingOrder(OrderStatus.PENDING_PAYMENT)
        assert await _begin_under_lock(database, order) is None

    async def test_again_it_says_the_same_and_keeps_its_moment(self, database: Database) -> None:
        order = await place(database, await open_item(database))
        payment = await begin(database, a_payment(order))
        closing = ClosingOrder(OrderStatus.PENDING_PAYMENT, (payment,))
        assert await _close(database, order) == closing
        moment = "SELECT closing_at FROM orders"
        async with database.driver() as driver:
            first = await driver.fetchval(moment)
        assert await _close(database, order) == closing
        async with database.driver() as driver:
            assert await driver.fetchval(moment) == first is not None

    async def test_what_is_paid_or_unknown_is_said_so_and_not_marked(
        self, database: Database
    ) -> None:
        order = await place(database, await open_item(database))
        await pay(database, order)
        assert await _close(database, order) == ClosingOrder(OrderStatus.PAID)
        async with database.driver() as driver:
            assert await driver.fetchval("SELECT closing_at FROM orders") is None
        nobody = order.model_copy(update={"order_id": "nobody's"})
        assert await _close(database, nobody) == ClosingOrder(None)

    async def test_a_closing_order_waits_no_longer(self, database: Database) -> None:
        order = await place(database, await open_item(database))
        await _close(database, order)
        async with database.transaction() as connection:
            later = NOON + timedelta(hours=2)
            assert not await Orders(connection).extend_deadline(order.order_id, later)


class TestBothAtOnce:
    async def test_closing_sees_the_payment_that_was_just_being_begun(
        self, database: Database
    ) -> None:
        order = await place(database, await open_item(database))
        async with database.transaction() as connection:
            await PayableOrders(connection).hold(order.order_id, NOON)
            closing = asyncio.create_task(_close(database, order))
            await asyncio.sleep(0.2)
            assert not closing.done()
            await Payments(connection).insert(a_payment(order))
        begun = (a_payment(order),)
        assert await closing == ClosingOrder(OrderStatus.PENDING_PAYMENT, begun)

    async def test_whoever_begins_while_it_is_being_closed_begins_nothing(
        self, database: Database
    ) -> None:
        order = await place(database, await open_item(database))
        async with _payable(database) as payable:
            await payable.close(order.order_id)
            beginning = asyncio.create_task(_begin_under_lock(database, order))
            await asyncio.sleep(0.2)
            assert not beginning.done()
        assert await beginning is None

    async def test_two_who_begin_at_once_are_offered_one_payment(self, database: Database) -> None:
        order = await place(database, await open_item(database))
        begun = await asyncio.gather(*(_begin_under_lock(database, order) for _ in range(6)))
        assert len({payment.payment_id for payment in begun if payment}) == 1
        assert None not in begun

    @pytest.mark.parametrize("round_", range(15))
    async def test_no_payment_is_open_that_closing_has_not_seen(
        self, database: Database, round_: int
    ) -> None:
        order = await place(database, await open_item(database))

        async def close_soon() -> ClosingOrder:
            await asyncio.sleep(round_ / 2000)
            return await _close(database, order)

        closing = asyncio.create_task(close_soon())
        begun = await asyncio.gather(*(_begin_under_lock(database, order) for _ in range(3)))
        seen = {payment.payment_id for payment in (await closing).open_payments}
        async with database.transaction() as connection:
            payments = await Payments(connection).of_order(order.order_id)
        still_open = {one.payment_id for one in payments if one.status is PaymentStatus.CREATED}
        assert still_open == seen == {one.payment_id for one in begun if one}
