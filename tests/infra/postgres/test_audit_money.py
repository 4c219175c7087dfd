"""Damage is planted with raw SQL; each rule must name it, and nothing else."""

import pytest

from domain.payment import FlowKind, Payment, PaymentMethod
from domain.refund import RefundReason
from domain.states import OrderStatus, RefundStatus
from infra.postgres.audit_queries import AuditQueries
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.payments import PaymentFlows
from infra.postgres.refunds import Refunds
from tests.support.ledger import damage, give_back, pay, place
from tests.support.sound_sale import busy_sale, findings, pay_with_points
from tests.support.values import POINTS_PRICE, PRICE, a_refund, an_order


async def _flow(
    database: Database, payment: Payment, kind: str, reference: str, amount: int
) -> None:
    await damage(
        database,
        "INSERT INTO payment_flows (order_id, payment_id, method, kind, reference, amount)"
        " VALUES (:order_id, :payment_id, :method, :kind, :reference, :amount)",
        order_id=payment.order_id,
        payment_id=payment.payment_id,
        method=payment.method,
        kind=kind,
        reference=reference,
        amount=amount,
    )


@pytest.mark.parametrize(
    ("kind", "amount"), [("received", PRICE), ("received", 1), ("refunded", PRICE)]
)
async def test_a_paid_order_that_keeps_more_or_less_than_its_amount_is_named(
    database: Database, kind: str, amount: int
) -> None:
    item = await busy_sale(database)
    payment = await pay(database, await place(database, item))
    await _flow(database, payment, kind, "X1", amount)
    assert await findings(database) == {"money": [payment.order_id]}


async def test_money_kept_of_an_order_that_was_given_up_is_named(database: Database) -> None:
    item = await busy_sale(database)
    order = await place(database, item)
    payment = await pay(database, order)
    await give_back(database, order, payment)
    await _flow(database, payment, "received", "late", PRICE)
    async with database.transaction() as connection:
        refund = a_refund(payment)
        await Refunds(connection).request(refund)
        [broken] = await AuditQueries(connection).money_breaks()
    assert broken.order_id == order.order_id
    assert broken.status is OrderStatus.REFUNDED
    assert (broken.received, broken.refunded, broken.refunding) == (2 * PRICE, PRICE, PRICE)


async def test_a_paid_order_without_money_is_named(database: Database) -> None:
    item = await busy_sale(database)
    payment = await pay(database, await place(database, item))
    await damage(database, "DELETE FROM payment_flows WHERE order_id = :id", id=payment.order_id)
    assert await findings(database) == {"money": [payment.order_id]}


async def test_an_order_paid_with_money_and_with_points_is_named(database: Database) -> None:
    item = await busy_sale(database)
    payment = await pay_with_points(database, await place(database, item))
    await _flow(
        database,
        payment.model_copy(update={"method": PaymentMethod.ALIPAY}),
        "received",
        "X1",
        PRICE,
    )
    assert await findings(database) == {"money": [payment.order_id]}


async def test_money_of_no_order_is_named(database: Database) -> None:
    item = await busy_sale(database)
    async with database.transaction() as connection:
        order_id = an_order(item).order_id
        flows = PaymentFlows(connection)
        await flows.record(order_id, "P9", PaymentMethod.ALIPAY, FlowKind.RECEIVED, "T9", 5)
    assert await findings(database) == {"money": [order_id]}


@pytest.mark.parametrize("given_back", [True, False])
async def test_an_order_being_refunded_may_keep_its_amount_or_nothing(
    database: Database, given_back: bool
) -> None:
    order = await place(database, await busy_sale(database))
    payment = await pay(database, order)
    async with database.transaction() as connection:
        await Orders(connection).change_status(
            order.order_id, OrderStatus.PAID, OrderStatus.REFUNDING
        )
    if given_back:
        await _flow(database, payment, "refunded", "R1", PRICE)
    assert await findings(database) == {}
    await _flow(database, payment, "received", "X1", 1)
    assert await findings(database) == {"money": [order.order_id]}


@pytest.mark.parametrize("is_done", [True, False])
async def test_a_paid_order_keeps_its_amount_less_what_went_back_in_part(
    database: Database, is_done: bool
) -> None:
    payment = await pay(database, await place(database, await busy_sale(database)))
    refund = a_refund(payment, amount=100).model_copy(update={"reason": RefundReason.PARTIAL})
    async with database.transaction() as connection:
        refunds = Refunds(connection)
        await refunds.request(refund)
        if is_done:
            await refunds.change_status(refund.refund_id, RefundStatus.REQUESTED, RefundStatus.DONE)
    assert await findings(database) == ({"money": [payment.order_id]} if is_done else {})
    await _flow(database, payment, "refunded", refund.refund_id, 100)
    assert await findings(database) == ({} if is_done else {"money": [payment.order_id]})


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
