import asyncio
import random

import pytest

from activities.orders import EndOrder, OrderActivities
from domain.order import CANCELLED_BY_AN_OPERATOR, Order
from domain.payment import Payment, PaymentMethod
from domain.sale import Item
from domain.states import OrderStatus, PaymentStatus
from infra.postgres.engine import Database
from infra.postgres.flights.ending import Ended, EndingFlights, OrderEnd
from infra.postgres.flights.settling import Money, SettlingFlights
from infra.postgres.hot_path import HotPath
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from tests.support.ledger import begin, damage, figures, movements, open_item, pay, place
from tests.support.ledger_lines import ledger_lines
from tests.support.stores import empty_postgres
from tests.support.values import NOON, a_payment, a_receipt, an_order

OPERATOR = "operator:ops"


def _end(order: Order, **changes: object) -> OrderEnd:
    terms = {
        "end": OrderStatus.TIMED_OUT,
        "reason": "not paid in time",
        "actor": "system",
        "detail": "not paid in time",
        **changes,
    }
    return OrderEnd(order.order_id, **terms)  # type: ignore[arg-type]


async def _end_all(database: Database, *ends: OrderEnd) -> list[Ended]:
    flights = EndingFlights(database)
    return await asyncio.gather(*map(flights.end, ends))


async def _begun(database: Database, item: Item, buyer: str = "ada") -> tuple[Order, Payment]:
    order = await place(database, item, buyer)
    return order, await begin(database, a_payment(order))


async def _status_of(database: Database, payment: Payment) -> PaymentStatus | None:
    async with database.transaction() as connection:
        now = await Payments(connection).get(payment.payment_id)
    return now.status if now else None


async def test_orders_that_end_together_give_their_stock_back_together(
    database: Database,
) -> None:
    item = await open_item(database)
    begun = [await _begun(database, item, buyer) for buyer in ("ada", "bob", "cyd")]
    ends = [_end(order) for order, _ in begun]
    timed_out = Ended(OrderStatus.TIMED_OUT, is_new=True)
    assert await _end_all(database, *ends) == [timed_out] * 3
    assert await figures(database, item) == (10, 0, 0)
    assert (await movements(database))[-3:] == [("release", 1)] * 3
    assert [await _status_of(database, payment) for _, payment in begun] == [
        PaymentStatus.CLOSED
    ] * 3
    async with database.driver() as driver:
        written = await driver.fetch(
            "SELECT xmin::text FROM sale_items UNION SELECT xmin::text FROM orders"
        )
    assert len(written) == 1


async def test_ending_again_does_nothing_and_says_what_it_is(database: Database) -> None:
    item = await open_item(database)
    order, _ = await _begun(database, item)
    await _end_all(database, _end(order))
    again = _end(order, end=OrderStatus.CANCELLED)
    assert await _end_all(database, again) == [Ended(OrderStatus.TIMED_OUT)]
    assert await figures(database, item) == (10, 0, 0)


async def test_what_is_paid_stays_paid_and_what_is_unknown_is_said_so(database: Database) -> None:
    item = await open_item(database)
    paid = await place(database, item)
    await pay(database, paid)
    waits, nobody = await place(database, item, "bob"), an_order(item)
    assert await _end_all(database, _end(paid), _end(waits), _end(nobody)) == [
        Ended(OrderStatus.PAID),
        Ended(OrderStatus.TIMED_OUT, is_new=True),
        Ended(None),
    ]
    assert await figures(database, item) == (9, 0, 1)


async def test_a_payment_nobody_knows_of_keeps_its_order_waiting(database: Database) -> None:
    item = await open_item(database)
    (one, known), (other, _) = [await _begun(database, item, buyer) for buyer in ("ada", "bob")]
    forgotten = await begin(database, a_payment(other, PaymentMethod.WECHATPAY))
    ends = (_end(one, closed=(known.payment_id,)), _end(other, closed=(forgotten.payment_id,)))
    assert await _end_all(database, *ends) == [
        Ended(OrderStatus.TIMED_OUT, is_new=True),
        Ended(OrderStatus.PENDING_PAYMENT),
    ]
    assert await figures(database, item) == (9, 1, 0)
    assert await _status_of(database, forgotten) is PaymentStatus.CREATED


async def test_a_payment_that_was_just_begun_is_seen(database: Database) -> None:
    """The end waits for the order's row, and its payments are read after that."""
    item = await open_item(database)
    order = await place(database, item)
    async with database.transaction() as connection:
        await Orders(connection).lock(order.order_id)
        ending = asyncio.create_task(_end_all(database, _end(order, closed=())))
        await asyncio.sleep(0.2)
        assert not ending.done()
        await Payments(connection).insert(a_payment(order))
    assert await ending == [Ended(OrderStatus.PENDING_PAYMENT)]


async def test_stock_that_is_not_on_the_books_hinders_only_its_order(database: Database) -> None:
    item = await open_item(database)
    good, bad = await place(database, item), await place(database, item, quantity=3)
    await damage(database, "UPDATE sale_items SET held = 2, available = 8")
    flights = EndingFlights(database)
    answers = await asyncio.gather(
        flights.end(_end(good)), flights.end(_end(bad)), return_exceptions=True
    )
    assert answers[0] == Ended(OrderStatus.TIMED_OUT, is_new=True)
    assert "never_negative" in str(answers[1])
    assert await figures(database, item) == (9, 1, 0)


async def test_a_deadlock_is_repeated_at_once_and_nobody_hears_of_it(database: Database) -> None:
    item = await open_item(database)
    first, second = await place(database, item), await place(database, item)
    async with database.transaction() as connection:
        # The other way round than everybody here locks.
        await Orders(connection).lock(second.order_id)
        ending = asyncio.create_task(_end_all(database, _end(first), _end(second)))
        await asyncio.sleep(0.2)
        assert await Orders(connection).lock(first.order_id)
        assert not ending.done()
    assert await ending == [Ended(OrderStatus.TIMED_OUT, is_new=True)] * 2


@pytest.mark.parametrize("status", [OrderStatus.REJECTED, OrderStatus.PAID, OrderStatus.REFUNDED])
async def test_no_waiting_order_ends_as_anything_else(
    database: Database, status: OrderStatus
) -> None:
    order = await place(database, await open_item(database))
    with pytest.raises(ValueError, match="comes to be"):
        await _end_all(database, _end(order, end=status))


@pytest.mark.parametrize("seed", range(6))
async def test_together_or_one_by_one_the_same_orders_end(
    database: Database, postgres_dsn: str, seed: int
) -> None:
    chance = random.Random(seed)
    item = await open_item(database, stock=200, per_user_limit=9)
    orders = [an_order(item, f"buyer {n}", quantity=chance.randint(1, 3)) for n in range(30)]
    fates = chance.choices(["waits", "begun", "paid", "over"], k=len(orders))
    wanted = chance.choices([OrderStatus.CANCELLED, OrderStatus.TIMED_OUT], k=len(orders))
    actors = chance.choices(["system", "buyer:ada", OPERATOR], k=len(orders))
    ledgers = []
    for together in (True, False):
        await empty_postgres(postgres_dsn)
        item = await open_item(database, stock=200, per_user_limit=9)
        standing = [
            await _fated(database, order, fate) for order, fate in zip(orders, fates, strict=True)
        ]
        if together:
            await _end_all(
                database,
                *(
                    _end(
                        order,
                        end=end,
                        actor=actor,
                        reason=CANCELLED_BY_AN_OPERATOR if actor == OPERATOR else "why",
                        detail="why",
                    )
                    for order, end, actor in zip(standing, wanted, actors, strict=True)
                ),
            )
        else:
            for order, end, actor in zip(standing, wanted, actors, strict=True):
                await OrderActivities(database).cancel_order(
                    EndOrder(intent=order.intent, status=end, reason="why", actor=actor)
                )
        ledgers.append(await ledger_lines(database))
    assert ledgers[0] == ledgers[1]


async def _fated(database: Database, order: Order, fate: str) -> Order:
    async with database.driver() as driver:
        assert await HotPath(driver).place(order.intent, NOON)
    if fate == "paid":
        await pay(database, order)
    elif fate != "waits":
        await begin(database, a_payment(order))
    if fate == "over":
        await OrderActivities(database).cancel_order(
            EndOrder(intent=order.intent, status=OrderStatus.CANCELLED, reason="before")
        )
    return order


async def test_money_and_ends_of_one_item_at_once_add_up_without_a_deadlock(
    database: Database,
) -> None:
    chance = random.Random(7)
    item = await open_item(database, stock=200, per_user_limit=1)
    begun = [await _begun(database, item, f"buyer {n}") for n in range(120)]
    settling, ending = SettlingFlights(database), EndingFlights(database)

    async def settle(payment: Payment) -> bool:
        await asyncio.sleep(chance.random() / 10)
        return (await settling.settle(Money(payment.order_id, a_receipt(payment)))).took_it

    async def end(order: Order, payment: Payment) -> bool:
        await asyncio.sleep(chance.random() / 10)
        return (await ending.end(_end(order, closed=(payment.payment_id,)))).is_new

    # Some are only paid and some only ended, so that flights of both kinds meet on any machine.
    raced = begun[30:-30]
    settled = asyncio.gather(*(settle(payment) for _, payment in begun[:30] + raced))
    to_end = chance.sample(begun[-30:] + raced, 90)
    ended = await asyncio.gather(*(end(order, payment) for order, payment in to_end))
    sold = sum(await settled)
    assert sold + sum(ended) == 120
    assert 30 <= sold <= 90
    assert await figures(database, item) == (200 - sold, 0, sold)
