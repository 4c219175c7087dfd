import asyncio

import pytest
from sqlalchemy.exc import IntegrityError

from domain.errors import ErrorCode, Refusal
from domain.order import Order
from domain.points import (
    CreditExceedsDebit,
    InsufficientPoints,
    PointsCredited,
    PointsDebited,
    PointsKind,
)
from infra.postgres.engine import Database
from infra.postgres.points import Points
from tests.support.ledger import award, damage, open_item, pay, place


async def _grant(database: Database, amount: int, user_id: str = "ada") -> None:
    async with database.transaction() as connection:
        assert await Points(connection).grant(user_id, amount, "welcome")


async def _debit(
    database: Database, order_id: str, amount: int, user_id: str = "ada"
) -> PointsDebited | InsufficientPoints:
    async with database.transaction() as connection:
        return await Points(connection).debit(order_id, user_id, amount)


async def _credit(
    database: Database, order_id: str, amount: int, user_id: str = "ada"
) -> PointsCredited | CreditExceedsDebit:
    async with database.transaction() as connection:
        return await Points(connection).credit(order_id, user_id, amount)


async def _paid(database: Database) -> Order:
    """By ada, with money."""
    order = await place(database, await open_item(database))
    await pay(database, order)
    return order


async def _balance(database: Database, user_id: str = "ada") -> int:
    """The balance, once it is sure that the entries sum to it."""
    async with database.transaction() as connection:
        points = Points(connection)
        balance = await points.balance(user_id)
        entries, _ = await points.page(user_id, None, 1000)
    assert sum(entry.amount for entry in entries) == balance
    if entries:
        assert entries[0].balance_after == balance
    return balance


async def test_a_gift_opens_the_account(database: Database) -> None:
    assert await _balance(database) == 0
    await _grant(database, 100)
    await _grant(database, 100)
    assert await _balance(database) == 200


async def test_a_gift_is_given_once_per_request(database: Database) -> None:
    async with database.transaction() as connection:
        points = Points(connection)
        assert await points.grant("ada", 100, "sorry", request_key="ticket-7") is True
        assert await points.grant("ada", 100, "sorry", request_key="ticket-7") is False
    assert await _balance(database) == 100


async def test_an_award_is_given_once_per_order_and_told_in_the_entries(
    database: Database,
) -> None:
    order = await _paid(database)
    for _ in range(2):
        await award(database, order, 88)
    async with database.transaction() as connection:
        [entry], _ = await Points(connection).page("ada", None, 10)
    assert (entry.kind, entry.amount, entry.order_id, entry.note) == (
        PointsKind.AWARD,
        88,
        order.order_id,
        "thank you for your order",
    )


async def test_the_same_award_given_by_many_at_once_is_given_once(database: Database) -> None:
    order = await _paid(database)
    await asyncio.gather(*(award(database, order, 88) for _ in range(8)))
    assert await _balance(database) == 88


async def test_a_debit_is_taken_once_and_its_repeat_answers_as_the_first_did(
    database: Database,
) -> None:
    await _grant(database, 1000)
    first = await _debit(database, "O1", 300)
    assert first == PointsDebited(amount=300, balance=700)
    await _grant(database, 50)
    assert await _debit(database, "O1", 300) == first
    assert await _balance(database) == 750


async def test_a_debit_above_the_balance_takes_nothing_and_may_be_tried_again(
    database: Database,
) -> None:
    await _grant(database, 299)
    assert await _debit(database, "O1", 300) == InsufficientPoints(balance=299, needed=300)
    assert await _balance(database) == 299
    await _grant(database, 1)
    assert await _debit(database, "O1", 300) == PointsDebited(amount=300, balance=0)


async def test_who_has_no_account_has_no_points(database: Database) -> None:
    assert await _debit(database, "O1", 1) == InsufficientPoints(balance=0, needed=1)
    assert await _credit(database, "O1", 1) == CreditExceedsDebit(debited=0, asked=1)


async def test_a_credit_is_given_once_and_its_repeat_answers_as_the_first_did(
    database: Database,
) -> None:
    await _grant(database, 300)
    await _debit(database, "O1", 300)
    first = await _credit(database, "O1", 300)
    assert first == PointsCredited(amount=300, balance=300)
    await _grant(database, 50)
    assert await _credit(database, "O1", 300) == first
    assert await _balance(database) == 350


@pytest.mark.parametrize(
    ("order_id", "user_id", "amount", "debited"),
    [("O1", "ada", 301, 300), ("O2", "ada", 1, 0), ("O1", "mallory", 300, 0)],
)
async def test_a_credit_never_exceeds_its_debit_nor_goes_to_somebody_else(
    database: Database, order_id: str, user_id: str, amount: int, debited: int
) -> None:
    await _grant(database, 300)
    await _grant(database, 5, "mallory")
    await _debit(database, "O1", 300)
    answer = await _credit(database, order_id, amount, user_id)
    assert answer == CreditExceedsDebit(debited=debited, asked=amount)
    assert await _balance(database) == 0
    assert await _balance(database, "mallory") == 5


async def test_debits_at_once_lose_no_update_and_never_overdraw(database: Database) -> None:
    await _grant(database, 1000)
    answers = await asyncio.gather(*(_debit(database, f"O{number}", 150) for number in range(12)))
    taken = [answer for answer in answers if isinstance(answer, PointsDebited)]
    assert len(taken) == 6
    assert sorted(answer.balance for answer in taken) == [100, 250, 400, 550, 700, 850]
    assert await _balance(database) == 100


async def test_gifts_debits_and_credits_at_once_sum_up(database: Database) -> None:
    await _grant(database, 500)
    for number in range(4):
        await _debit(database, f"old-{number}", 100)
    await asyncio.gather(
        *(_credit(database, f"old-{number}", 100) for number in range(4)),
        *(_grant(database, 10) for _ in range(4)),
        *(_debit(database, f"new-{number}", 20) for number in range(5)),
    )
    assert await _balance(database) == 500 - 400 + 400 + 40 - 100


async def test_the_same_debit_by_many_at_once_is_taken_once(database: Database) -> None:
    await _grant(database, 1000)
    answers = await asyncio.gather(*(_debit(database, "O1", 300) for _ in range(8)))
    assert answers == [PointsDebited(amount=300, balance=700)] * 8
    assert await _balance(database) == 700


async def test_an_award_is_taken_back_once_as_far_as_it_is_still_there(
    database: Database,
) -> None:
    order = await _paid(database)
    await award(database, order, 88)
    async with database.transaction() as connection:
        points = Points(connection)
        await points.debit("O2", "ada", 50)
        assert await points.take_award_back(order.order_id, "ada", "refunded") == 38
        assert await points.take_award_back(order.order_id, "ada", "refunded") == 38
    assert await _balance(database) == 0


async def test_without_an_award_of_ones_own_nothing_is_taken_back(database: Database) -> None:
    await _grant(database, 100, "mallory")
    order = await _paid(database)
    await award(database, order, 88)
    async with database.transaction() as connection:
        points = Points(connection)
        assert await points.take_award_back(order.order_id, "mallory", "refunded") == 0
        assert await points.take_award_back("O2", "ada", "refunded") == 0
    assert await _balance(database) == 88
    assert await _balance(database, "mallory") == 100


@pytest.mark.parametrize("amount", [0, -5])
async def test_only_amounts_above_zero_move(database: Database, amount: int) -> None:
    await _grant(database, 100)
    async with database.transaction() as connection:
        points = Points(connection)
        for call in [
            points.grant("ada", amount, ""),
            points.debit("O1", "ada", amount),
            points.credit("O1", "ada", amount),
        ]:
            with pytest.raises(Refusal) as refused:
                await call
            assert refused.value.code is ErrorCode.INVALID
    assert await _balance(database) == 100


async def test_the_database_itself_refuses_a_balance_below_zero(database: Database) -> None:
    await _grant(database, 100)
    with pytest.raises(IntegrityError):
        await damage(database, "UPDATE points_accounts SET balance = balance - 101")


@pytest.mark.parametrize("kind", list(PointsKind))
async def test_the_database_itself_refuses_a_second_entry_of_a_kind(
    database: Database, kind: PointsKind
) -> None:
    await _grant(database, 100)
    entry = (
        "INSERT INTO points_entries (user_id, order_id, kind, amount, balance_after)"
        " VALUES ('ada', 'O1', :kind, 0, 100)"
    )
    await damage(database, entry, kind=kind)
    with pytest.raises(IntegrityError):
        await damage(database, entry, kind=kind)
