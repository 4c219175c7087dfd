"""Points that do not add up are named by A6."""

import pytest

from audit.sources import AuditSources
from domain.payment import PaymentMethod
from infra.postgres.engine import Database
from tests.support.audited_orders import assert_breaks, cancelled, check_of
from tests.support.ledger import damage, give_back, pay, place
from tests.support.shop import Shop
from tests.support.sound_sale import busy_sale, findings, pay_with_points
from tests.support.values import POINTS_PRICE


async def test_a6_a_balance_that_its_entries_do_not_explain(
    shop: Shop, sources: AuditSources
) -> None:
    await shop.grant_points("ada", 100)
    await damage(shop.database, "UPDATE points_accounts SET balance = 150")

    report = await assert_breaks(sources, "A6")

    assert "account of user ada: balance is 150, its entries sum to 100" in (
        check_of(report, "A6").detail
    )


async def test_a6_points_given_back_that_were_never_taken(
    shop: Shop, sources: AuditSources
) -> None:
    intent = await cancelled(shop, sources, "ada")
    await shop.grant_points("ada", 100)
    await damage(
        shop.database,
        "INSERT INTO points_entries (user_id, order_id, kind, amount, balance_after)"
        " VALUES ('ada', :id, 'credit', 50, 150)",
        id=intent.order_id,
    )
    await damage(shop.database, "UPDATE points_accounts SET balance = 150")

    await assert_breaks(sources, "A6", intent.order_id)


async def test_an_account_that_differs_from_its_entries_is_named(database: Database) -> None:
    await busy_sale(database)
    await damage(database, "UPDATE points_accounts SET balance = 7 WHERE user_id = 'paid'")
    assert await findings(database) == {"accounts": ["paid"]}


async def test_points_that_were_not_taken_for_an_order_they_paid_are_named(
    database: Database,
) -> None:
    item = await busy_sale(database)
    order = await place(database, item)
    await pay(database, order, PaymentMethod.POINTS, POINTS_PRICE)
    assert await findings(database) == {"points": [order.order_id]}


@pytest.mark.parametrize(("credited", "to"), [(POINTS_PRICE + 1, "ada"), (POINTS_PRICE, "bob")])
async def test_a_credit_above_its_debit_or_to_another_user_is_named(
    database: Database, credited: int, to: str
) -> None:
    item = await busy_sale(database)
    order = await place(database, item)
    payment = await pay_with_points(database, order)
    await give_back(database, order, payment)
    await damage(
        database,
        "INSERT INTO points_entries (user_id, order_id, kind, amount, balance_after)"
        " VALUES (:to, :order_id, 'credit', :amount, 0)",
        to=to,
        order_id=order.order_id,
        amount=credited,
    )
    assert await findings(database) == {"accounts": [to], "points": [order.order_id]}
