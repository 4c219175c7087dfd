import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from asyncpg import CheckViolationError

from domain.actors import SYSTEM
from domain.delivery import DeliveryKind
from domain.order import EventKind, Order, RejectReason
from domain.payment import ASK_AFTER, FlowKind, PaymentMethod, QrAction, RedirectAction
from domain.points import PointsKind
from domain.states import DeliveryStatus, OrderStatus, PaymentStatus, SaleStatus
from domain.stock import MovementKind
from infra.postgres import hot_path
from infra.postgres.engine import Database
from infra.postgres.hot_path import HotPath, PlacingRefused
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from infra.postgres.points import Points
from tests.support.ledger import (
    begin,
    cancel,
    damage,
    figures,
    is_entitled,
    movements,
    open_item,
    pay,
    place,
    settle,
)
from tests.support.values import NOON, PRICE, a_payment, an_order

SQL = Path(hot_path.__file__).parent / "sql"


async def _events(database: Database, order: Order) -> list[str]:
    async with database.transaction() as connection:
        return [event.event for event in await Orders(connection).events(order.order_id)]


async def _status(database: Database, order_id: str) -> OrderStatus | None:
    async with database.transaction() as connection:
        order = await Orders(connection).get(order_id)
    return order.status if order else None


async def test_a_paid_order_has_sold_what_it_held_once(database: Database) -> None:
    item = await open_item(database)
    payment = await pay(database, await place(database, item, quantity=3))
    assert await settle(database, payment) is False
    assert await figures(database, item) == (7, 0, 3)
    assert await movements(database) == [("opening", 10), ("hold", 3), ("sell", 3)]


async def test_an_order_settled_by_many_at_once_is_settled_once(database: Database) -> None:
    item = await open_item(database)
    payment = await begin(database, a_payment(await place(database, item)))
    settled = await asyncio.gather(*(settle(database, payment) for _ in range(8)))
    assert settled.count(True) == 1
    assert await figures(database, item) == (9, 0, 1)


async def test_what_was_given_up_cannot_be_sold(database: Database) -> None:
    item = await open_item(database)
    order = await place(database, item)
    payment = await begin(database, a_payment(order))
    await cancel(database, order)
    assert await settle(database, payment) is False
    assert await figures(database, item) == (10, 0, 0)
    assert await _status(database, order.order_id) is OrderStatus.CANCELLED


async def test_an_order_nobody_placed_sells_nothing(database: Database) -> None:
    item = await open_item(database)
    await place(database, item, "somebody else")
    assert await settle(database, a_payment(an_order(item))) is False
    assert await figures(database, item) == (9, 1, 0)


async def test_selling_stock_that_is_not_on_the_books_fails_loudly_and_settles_nothing(
    database: Database,
) -> None:
    item = await open_item(database)
    order = await place(database, item)
    payment = await begin(database, a_payment(order))
    await damage(database, "UPDATE sale_items SET held = 0, available = total")
    with pytest.raises(CheckViolationError, match="never_negative"):
        await settle(database, payment)
    assert await _status(database, order.order_id) is OrderStatus.PENDING_PAYMENT
    assert await movements(database) == [("opening", 10), ("hold", 1)]


async def test_beginning_a_payment_again_answers_with_the_one_that_stands(
    database: Database,
) -> None:
    payment = a_payment(await place(database, await open_item(database)))
    changed = payment.model_copy(update={"amount": 1, "expires_at": NOON + timedelta(days=1)})
    begun = payment.model_copy(update={"ask_at": payment.created_at + ASK_AFTER[0]})
    assert await begin(database, payment) == begun
    assert await begin(database, changed) == begun


async def test_the_same_payment_begun_at_once_is_one(database: Database) -> None:
    order = await place(database, await open_item(database))
    amounts = [1, 2, 3, 4]
    begun = await asyncio.gather(
        *(begin(database, a_payment(order, amount=amount)) for amount in amounts)
    )
    assert len({payment.amount for payment in begun}) == 1


async def test_a_payment_that_is_over_gets_no_new_action(database: Database) -> None:
    payment = await begin(database, a_payment(await place(database, await open_item(database))))
    async with database.transaction() as connection:
        payments = Payments(connection)
        await payments.change_status(
            payment.payment_id, PaymentStatus.CREATED, PaymentStatus.CLOSED
        )
    async with database.driver() as driver:
        action = QrAction(code_url="weixin://1")
        await HotPath(driver).offer_payment(payment.payment_id, action, NOON, "buyer:ada")
    async with database.transaction() as connection:
        closed = await Payments(connection).get(payment.payment_id)
    assert closed is not None
    assert (closed.action, closed.expires_at) == (None, payment.expires_at)


async def test_a_payment_with_an_action_is_told_of_once(database: Database) -> None:
    order = await place(database, await open_item(database))
    link = RedirectAction(url="https://pay.example/1")
    payment = a_payment(order).model_copy(update={"action": link})

    begun = [await begin(database, payment) for _ in range(2)]

    assert [one.action for one in begun] == [link, link]
    assert await _events(database, order) == ["placed", "payment_begun"]


async def test_an_order_is_placed_once_and_for_a_sale_that_stands(database: Database) -> None:
    item = await open_item(database)
    intent = an_order(item).intent
    async with database.driver() as driver:
        placed = await HotPath(driver).place(intent, NOON)
        again = await HotPath(driver).place(intent, NOON)
        unknown = intent.model_copy(update={"sku_id": "none", "order_id": "another"})
        assert await HotPath(driver).place(unknown, NOON) is None
    assert placed is not None
    assert again == replace(placed, is_new=False)
    assert (placed.title, placed.points_price) == (item.title, item.points_price)
    assert placed.order.pay_deadline == NOON + timedelta(minutes=30)
    assert await figures(database, item) == (9, 1, 0)


@pytest.mark.parametrize(
    ("stock", "quantity", "reason"),
    [(1, 2, RejectReason.SOLD_OUT), (9, 5, RejectReason.LIMIT_REACHED)],
)
async def test_a_refused_order_leaves_nothing(
    database: Database, stock: int, quantity: int, reason: RejectReason
) -> None:
    item = await open_item(database, stock=stock, per_user_limit=4)
    order = an_order(item, quantity=quantity)
    async with database.driver() as driver:
        with pytest.raises(PlacingRefused) as refused:
            await HotPath(driver).place(order.intent, NOON)
    assert refused.value.reason is reason
    assert await _status(database, order.order_id) is None
    assert await movements(database) == [("opening", stock)]


async def test_what_is_owed_comes_with_the_money_that_earns_points(database: Database) -> None:
    item = await open_item(database)
    by_money, by_points = [await place(database, item) for _ in range(2)]
    await pay(database, by_money)
    await pay(database, by_points, PaymentMethod.POINTS)
    async with database.driver() as driver:
        owed = await HotPath(driver).owed(by_money.order_id, [DeliveryStatus.PENDING])
        done = await HotPath(driver).owed(by_money.order_id, [DeliveryStatus.DONE])
        free = await HotPath(driver).owed(by_points.order_id, [DeliveryStatus.PENDING])
        assert await HotPath(driver).owed("nobody's", [DeliveryStatus.PENDING]) is None
    assert owed is not None
    assert done is not None
    assert free is not None
    assert (owed.kinds, owed.money, owed.title) == (frozenset(DeliveryKind), (PRICE,), item.title)
    assert (done.kinds, free.money) == (frozenset(), ())


async def test_an_order_is_fulfilled_with_the_last_that_it_is_owed(database: Database) -> None:
    order = await place(database, await open_item(database))
    await pay(database, order)
    points = {DeliveryKind.POINTS: "88 points"}
    rest = {DeliveryKind.ENTITLEMENT: "1 × mug", DeliveryKind.MESSAGE: "sent"}
    async with database.driver() as driver:
        path = HotPath(driver)
        assert await path.deliver(order.order_id, points, 88, money=[PRICE], fulfil=True) is False
        assert await path.deliver(order.order_id, rest, 88, money=[PRICE], fulfil=True) is True
        assert await path.deliver(order.order_id, rest, 88, money=[PRICE], fulfil=True) is False
    assert await _status(database, order.order_id) is OrderStatus.FULFILLED
    assert await is_entitled(database, order.order_id)
    async with database.transaction() as connection:
        assert await Points(connection).balance("ada") == 88


def test_the_queries_say_nothing_but_words_of_the_domain() -> None:
    kinds = (OrderStatus, PaymentStatus, DeliveryStatus, SaleStatus, DeliveryKind, EventKind)
    words = {str(word) for kind in kinds for word in kind}
    words |= {str(word) for kind in (MovementKind, FlowKind, PointsKind) for word in kind}
    words |= {RejectReason.SOLD_OUT, RejectReason.LIMIT_REACHED, SYSTEM}
    queries = [path.read_text() for path in sorted(SQL.glob("*.sql"))]
    said = {word for query in queries for word in re.findall(r"'([a-z_]+)'", query)}

    assert len(queries) == 10
    assert said <= words
