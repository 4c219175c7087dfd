"""What a refunded order awarded is owed until it is back: no points come from nothing."""

import asyncio

import pytest

from domain.order import Order
from domain.payment import Payment, PaymentMethod
from domain.points import PointsKind
from domain.sale import Item
from infra.postgres.engine import Database
from infra.postgres.points import Points
from tests.support.ledger import award, damage, give_back, open_item, pay, place
from tests.support.sound_sale import findings

AWARD = 100
Bought = tuple[Order, Payment]


@pytest.fixture
async def item(database: Database) -> Item:
    return await open_item(database, stock=30, per_user_limit=30)


async def account(database: Database) -> tuple[int, int]:
    """(balance, owed) of ada, once it is sure that all of it adds up."""
    assert await findings(database) == {}
    async with database.transaction() as connection:
        points = Points(connection)
        entries, _ = await points.page("ada", None, 1000)
        balance = await points.balance("ada")
        assert not entries or entries[0].balance_after == balance
        return balance, await points.owed("ada")


async def earn(database: Database, item: Item) -> Bought:
    order = await place(database, item)
    payment = await pay(database, order)
    await award(database, order, AWARD)
    return order, payment


async def spend(database: Database, item: Item, amount: int = AWARD) -> Bought:
    order = await place(database, item)
    async with database.transaction() as connection:
        await Points(connection).debit(order.order_id, "ada", amount)
    return order, await pay(database, order, PaymentMethod.POINTS, amount)


async def refund(database: Database, bought: Bought) -> int:
    """Either kind of order. Answers what of its award is back."""
    order, payment = bought
    async with database.transaction() as connection:
        points = Points(connection)
        if payment.method is PaymentMethod.POINTS:
            await points.credit(order.order_id, "ada", payment.amount)
        back = await points.take_award_back(order.order_id, "ada", "the order was refunded")
    await give_back(database, order, payment)
    return back


async def test_points_spent_before_the_refund_are_owed_and_paid_by_what_comes_back(
    database: Database, item: Item
) -> None:
    for _ in range(3):
        earned = await earn(database, item)
        spent = await spend(database, item)

        assert await refund(database, earned) == 0
        assert await account(database) == (0, AWARD)
        await refund(database, spent)

        assert await account(database) == (0, 0)


async def test_the_other_way_round_nothing_is_ever_owed(database: Database, item: Item) -> None:
    earned = await earn(database, item)
    await refund(database, await spend(database, item))

    assert await refund(database, earned) == AWARD
    assert await account(database) == (0, 0)


async def test_the_next_award_pays_too(database: Database, item: Item) -> None:
    for _ in range(2):
        earned = await earn(database, item)
        await spend(database, item, 70)
        await refund(database, earned)
        assert await account(database) == (0, 70)
        await earn(database, item)
        assert await account(database) == (30, 0)
        await spend(database, item, 30)


async def test_a_debt_is_paid_in_parts_and_the_oldest_first(database: Database, item: Item) -> None:
    first, second = await earn(database, item), await earn(database, item)
    small = [await spend(database, item, 40) for _ in range(5)]
    await refund(database, first)
    await refund(database, second)
    assert await account(database) == (0, 200)

    for number, spent in enumerate(small, start=1):
        await refund(database, spent)
        assert await account(database) == (0, 200 - 40 * number)

    async with database.transaction() as connection:
        entries, _ = await Points(connection).page("ada", None, 1000)
    back = [(entry.order_id, entry.amount) for entry in entries if entry.amount < 0][::-1][5:]
    ids = first[0].order_id, second[0].order_id
    assert [one for one in back if one[1]] == [
        *((ids[0], -40), (ids[0], -40), (ids[0], -20)),
        *((ids[1], -20), (ids[1], -40), (ids[1], -40)),
    ]


async def test_a_gift_pays_no_debt(database: Database, item: Item) -> None:
    earned = await earn(database, item)
    spent = await spend(database, item)
    await refund(database, earned)
    async with database.transaction() as connection:
        await Points(connection).grant("ada", 30, "sorry")
    assert await account(database) == (30, AWARD)

    await refund(database, spent)

    assert await account(database) == (30, 0)


async def test_a_repeat_takes_nothing_more(database: Database, item: Item) -> None:
    earned = await earn(database, item)
    spent = await spend(database, item, 60)
    assert await refund(database, earned) == 40
    order = earned[0]
    for back in (40, 100):
        async with database.transaction() as connection:
            taken = await Points(connection).take_award_back(order.order_id, "ada", "again")
        assert taken == back
        if back == 40:
            await refund(database, spent)

    assert await account(database) == (0, 0)


async def test_what_stays_of_a_part_keeps_its_points(database: Database, item: Item) -> None:
    order, _ = await earn(database, item)
    await spend(database, item, 90)
    for kept, left in ((95, (5, 0)), (95, (5, 0)), (20, (0, 70)), (0, (0, 90))):
        async with database.transaction() as connection:
            points = Points(connection)
            await points.take_award_back(order.order_id, "ada", "a part", but_for=kept)
        assert await account(database) == left


async def test_credits_at_one_moment_pay_a_debt_once(database: Database, item: Item) -> None:
    earned = await earn(database, item)
    small = [await spend(database, item, 20) for _ in range(5)]
    await refund(database, earned)

    async def credit(bought: Bought) -> None:
        async with database.transaction() as connection:
            await Points(connection).credit(bought[0].order_id, "ada", 20)

    await asyncio.gather(*(credit(bought) for bought in small), earn(database, item))
    for order, payment in small:
        await give_back(database, order, payment)

    assert await account(database) == (AWARD, 0)


async def test_the_audit_names_an_award_that_is_neither_back_nor_owed(
    database: Database, item: Item
) -> None:
    earned = await earn(database, item)
    await spend(database, item)
    await refund(database, earned)

    await damage(database, "UPDATE points_debts SET owed = owed - 1")

    assert await findings(database) == {"awards": [earned[0].order_id]}


async def test_the_audit_names_more_that_is_owed_than_was_awarded(
    database: Database, item: Item
) -> None:
    earned = await earn(database, item)
    await damage(
        database,
        "INSERT INTO points_debts (order_id, user_id, owed) VALUES (:id, 'ada', 101)",
        id=earned[0].order_id,
    )

    assert await findings(database) == {"awards": [earned[0].order_id]}


async def test_all_that_came_back_is_on_record_as_of_its_order(
    database: Database, item: Item
) -> None:
    earned = await earn(database, item)
    spent = await spend(database, item)
    await refund(database, earned)
    await refund(database, spent)

    async with database.transaction() as connection:
        entries, _ = await Points(connection).page("ada", None, 2)
    assert [(entry.kind, entry.amount, entry.order_id) for entry in entries] == [
        (PointsKind.AWARD_BACK, -AWARD, earned[0].order_id),
        (PointsKind.CREDIT, AWARD, spent[0].order_id),
    ]
    assert entries[0].note == "owed since its money went back"
