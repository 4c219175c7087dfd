import random
from datetime import timedelta

import pytest

from domain.order import RejectReason
from domain.reservation import Intent
from domain.states import OrderStatus, SaleStatus
from infra.postgres.engine import Database
from infra.postgres.flights.placing import (
    SPREAD_SECONDS,
    SPREAD_SHARE,
    StandingOrder,
    place_many,
)
from infra.postgres.hot_path import HotPath, PlacingRefused
from infra.postgres.orders import Orders
from infra.postgres.sales import Sales
from infra.postgres.stock import Stock
from tests.support.ledger import cancel, damage, figures, movements, open_item, place
from tests.support.ledger_lines import ledger_lines
from tests.support.placing import intents_of, place_all, reason_of
from tests.support.stores import empty_postgres
from tests.support.values import NOON, an_order


async def test_orders_that_come_together_are_written_with_their_stock(database: Database) -> None:
    item = await open_item(database, stock=10)
    answers = await place_all(database, intents_of(item, "ada", "bob", "cyd"))
    orders = [answer.order for answer in answers if isinstance(answer, StandingOrder)]
    assert [(order.user_id, order.amount) for order in orders] == [
        (buyer, item.price) for buyer in ("ada", "bob", "cyd")
    ]
    assert await figures(database, item) == (7, 3, 0)
    assert await movements(database) == [("opening", 10), *[("hold", 1)] * 3]
    async with database.transaction() as connection:
        told = await Orders(connection).events(orders[1].order_id)
    deadline = orders[1].pay_deadline
    assert deadline is not None
    assert [(event.event, event.detail) for event in told] == [
        ("placed", f"pay by {deadline:%Y-%m-%d %H:%M:%S} UTC")
    ]


async def test_deadlines_of_a_flight_are_spread_and_never_too_early(database: Database) -> None:
    item = await open_item(database, stock=20)
    answers = await place_all(database, intents_of(item, *(f"buyer {n}" for n in range(10))))
    times = [
        (answer.order.pay_deadline or NOON) - NOON - timedelta(minutes=30)
        for answer in answers
        if isinstance(answer, StandingOrder)
    ]
    spread = timedelta(seconds=min(SPREAD_SECONDS, 1800 * SPREAD_SHARE))
    assert times == [spread * n / 10 for n in range(10)]


async def test_a_short_window_is_not_stretched_by_a_minute(database: Database) -> None:
    item = await open_item(database)
    await damage(database, "UPDATE sales SET pay_window_seconds = 20")
    answers = await place_all(database, intents_of(item, "ada", "bob"))
    last = answers[1]
    assert isinstance(last, StandingOrder)
    assert last.order.pay_deadline == NOON + timedelta(seconds=20 + 1)


async def test_the_item_row_is_written_once_for_all(database: Database) -> None:
    item = await open_item(database, stock=500, per_user_limit=1)
    count = "SELECT xmin::text FROM sale_items"
    async with database.driver() as driver:
        before = int(await driver.fetchval(count))
        intents = intents_of(item, *(f"buyer {n}" for n in range(300)))
        await place_many(driver, item.ref, {one.order_id: one for one in intents}, NOON)
        written = await driver.fetch(
            "SELECT DISTINCT xmin::text FROM orders UNION SELECT xmin::text FROM sale_items"
        )
    assert len(written) == 1
    assert int(written[0][0]) > before
    assert await figures(database, item) == (200, 300, 0)


async def test_a_standing_order_answers_what_it_has_come_to(database: Database) -> None:
    item = await open_item(database)
    waits, over = await place(database, item), await place(database, item)
    await cancel(database, over)
    new = an_order(item)
    answers = await place_all(database, [waits.intent, over.intent, new.intent])
    assert [
        (answer.order.status, answer.is_new, answer.title)
        for answer in answers
        if isinstance(answer, StandingOrder)
    ] == [
        (OrderStatus.PENDING_PAYMENT, False, item.title),
        (OrderStatus.CANCELLED, False, item.title),
        (OrderStatus.PENDING_PAYMENT, True, item.title),
    ]
    assert await figures(database, item) == (8, 2, 0)


async def test_one_that_does_not_fit_keeps_nobody_else_out(database: Database) -> None:
    item = await open_item(database, stock=9, per_user_limit=4)
    greedy = an_order(item, "bob", quantity=5).intent
    fitting = intents_of(item, "ada", "cyd", "dan", "eve")
    answers = await place_all(database, [*fitting[:2], greedy, *fitting[2:]])
    assert reason_of(answers.pop(2)) is RejectReason.LIMIT_REACHED
    assert all(isinstance(answer, StandingOrder) and answer.is_new for answer in answers)
    assert await figures(database, item) == (5, 4, 0)


async def test_two_orders_of_one_buyer_count_in_their_order(database: Database) -> None:
    item = await open_item(database, per_user_limit=3)
    first, second = [an_order(item, "ada", quantity=2).intent for _ in range(2)]
    third = an_order(item, "ada", quantity=1).intent
    answers = await place_all(database, [third, second, first])
    assert [isinstance(answer, StandingOrder) for answer in answers] == [True, False, True]
    assert reason_of(answers[1]) is RejectReason.LIMIT_REACHED


async def test_the_last_units_go_to_who_was_accepted_first(database: Database) -> None:
    item = await open_item(database, stock=2)
    intents = intents_of(item, "ada", "bob", "cyd")
    answers = await place_all(database, intents[::-1])
    assert reason_of(answers[0]) is RejectReason.SOLD_OUT
    assert await figures(database, item) == (0, 2, 0)


async def test_a_cancelled_sale_and_an_unknown_item_take_nobody(database: Database) -> None:
    item = await open_item(database)
    unknown = an_order(item).intent.model_copy(update={"sku_id": "cup"})
    [answer] = await place_all(database, [unknown])
    assert reason_of(answer) is RejectReason.NOT_FOUND
    async with database.transaction() as connection:
        await Sales(connection).change_status("noon", SaleStatus.DRAFT, SaleStatus.CANCELLED)
    [answer] = await place_all(database, intents_of(item, "ada"))
    assert reason_of(answer) is RejectReason.SALE_CANCELLED
    assert await figures(database, item) == (10, 0, 0)


@pytest.mark.parametrize("seed", range(12))
async def test_together_or_one_by_one_the_same_orders_are_placed(
    database: Database, postgres_dsn: str, seed: int
) -> None:
    """Whatever is asked: too much, twice, by one buyer again and again, for what has ended."""
    chance = random.Random(seed)
    stock, limit = chance.randint(1, 40), chance.randint(1, 5)
    ledgers, answers = [], []
    item = await open_item(database, stock=stock, per_user_limit=limit)
    intents = [
        an_order(item, f"buyer {chance.randint(1, 12)}", quantity=chance.randint(1, 4)).intent
        for _ in range(chance.randint(1, 60))
    ]
    intents += chance.choices(intents, k=5)
    before = [one for one in intents if chance.random() < 0.2 and one.quantity <= limit]
    intents.sort(key=lambda intent: intent.order_id)

    for together in (True, False):
        await empty_postgres(postgres_dsn)
        item = await open_item(database, stock=stock, per_user_limit=limit)
        for intent in before:
            [answer] = await place_all(database, [intent])
            if isinstance(answer, StandingOrder) and answer.is_new and intent.quantity == 1:
                await cancel(database, answer.order)
        if together:
            said = await place_all(database, intents)
        else:
            said = [await _place_as_before(database, intent) for intent in intents]
        answers.append([_told(answer) for answer in said])
        ledgers.append(await ledger_lines(database))

    assert ledgers[0] == ledgers[1]
    assert answers[0] == answers[1]
    async with database.transaction() as connection:
        now = await Stock(connection).item(item.ref)
    assert now is not None
    assert now.available + now.held == stock


async def _place_as_before(database: Database, intent: Intent) -> StandingOrder | BaseException:
    """By the statement that places one order."""
    async with database.driver() as driver:
        try:
            placed = await HotPath(driver).place(intent, NOON)
        except PlacingRefused as refused:
            return refused
    if placed:
        return StandingOrder(placed.order, placed.title, placed.points_price, is_new=True)
    async with database.transaction() as connection:
        order = await Orders(connection).get(intent.order_id)
    assert order is not None
    return StandingOrder(order, "", None, is_new=False)


def _told(answer: StandingOrder | BaseException) -> object:
    if isinstance(answer, StandingOrder):
        return answer.order.status, answer.order.order_id
    return reason_of(answer)


async def test_whoever_places_marks_the_order_as_payable_ahead(database: Database) -> None:
    item = await open_item(database)
    by_its_workflow = await place(database, item)
    [new] = await place_all(database, intents_of(item, "bob"))
    assert isinstance(new, StandingOrder)
    async with database.driver() as driver:
        rows = await driver.fetch("SELECT order_id, ahead FROM orders ORDER BY order_id")
    assert [tuple(row) for row in rows] == [
        (by_its_workflow.order_id, True),
        (new.order.order_id, True),
    ]
