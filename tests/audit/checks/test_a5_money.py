"""Orders that keep other money than they should are named by A5."""

from datetime import UTC, datetime
from functools import partial

import pytest

from audit.checks.a5_money import orders_with_wrong_money
from audit.sources import AuditSources
from domain.payment import FlowKind, Payment, PaymentMethod
from domain.refund import Refund, RefundReason
from domain.reservation import Intent
from domain.states import OrderStatus, PaymentStatus, RefundStatus
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.payments import PaymentFlows
from infra.postgres.points import Points
from infra.postgres.refunds import Refunds
from tests.support.audited_orders import assert_breaks, cancelled, check_of, paid
from tests.support.ledger import damage, give_back, pay, place
from tests.support.polling import until
from tests.support.shop import PRICE, Shop
from tests.support.sound_sale import busy_sale, findings, pay_with_points
from tests.support.values import a_refund, an_order


async def test_a5_a_paid_order_whose_money_is_not_on_record(
    shop: Shop, bookless: AuditSources
) -> None:
    intent = await paid(shop, bookless, "ada")
    await paid(shop, bookless, "bob")
    await damage(
        shop.database, "DELETE FROM payment_flows WHERE order_id = :id", id=intent.order_id
    )

    report = await assert_breaks(bookless, "A5", intent.order_id)

    assert f"should keep {PRICE}, but received 0" in check_of(report, "A5").detail


async def test_a5_surplus_money_that_only_an_attention_knows_of(
    shop: Shop, bookless: AuditSources
) -> None:
    intent = await cancelled(shop, bookless, "ada")
    await _surplus(shop, intent)

    report = await assert_breaks(bookless, "A5", intent.order_id)

    assert f"{PRICE} too much, and no refund of it is under way" in check_of(report, "A5").detail


async def test_a5_surplus_money_is_in_flight_while_its_refund_runs(
    shop: Shop, bookless: AuditSources
) -> None:
    intent = await cancelled(shop, bookless, "ada")
    await _surplus(shop, intent)
    refund = await _refund(shop, intent)
    await assert_breaks(bookless, "A5", intent.order_id)

    await shop.client.start_workflow("RefundWorkflow", id=refund.workflow_id, task_queue="none")

    report = await assert_breaks(bookless, "")
    assert "1 refund under way" in check_of(report, "A5").detail


async def test_a5_a_refund_that_failed_is_not_under_way(shop: Shop, bookless: AuditSources) -> None:
    intent = await cancelled(shop, bookless, "ada")
    await _surplus(shop, intent)
    await _refund(shop, intent, RefundStatus.FAILED)

    await assert_breaks(bookless, "A5", intent.order_id)


async def test_a5_an_order_that_is_refunding_with_nobody_at_work(
    shop: Shop, bookless: AuditSources
) -> None:
    intent = await paid(shop, bookless, "ada")
    await damage(shop.database, "UPDATE orders SET status = 'refunding'")

    report = await assert_breaks(bookless, "A5", intent.order_id)

    assert "is refunding, but no refund is under way" in check_of(report, "A5").detail


async def test_a5_an_order_paid_with_points_keeps_its_price_in_points(
    shop: Shop, bookless: AuditSources
) -> None:
    intent = await _paid_with_points(shop, bookless, 300)
    await assert_breaks(bookless, "")

    await damage(shop.database, "UPDATE payment_flows SET amount = 299")
    report = await assert_breaks(bookless, "A5 A6", intent.order_id)
    assert "should keep 300, but received 299" in check_of(report, "A5").detail


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
        [broken] = await orders_with_wrong_money(connection)
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


async def _surplus(shop: Shop, intent: Intent) -> None:
    async with shop.database.transaction() as connection:
        await PaymentFlows(connection).record(
            intent.order_id,
            f"{intent.order_id}A1",
            PaymentMethod.ALIPAY,
            FlowKind.RECEIVED,
            f"T-{intent.order_id}",
            PRICE,
        )


async def _refund(
    shop: Shop, intent: Intent, status: RefundStatus = RefundStatus.REQUESTED
) -> Refund:
    refund = Refund(
        refund_id=f"R-{intent.order_id}",
        order_id=intent.order_id,
        payment_id=f"{intent.order_id}A1",
        method=PaymentMethod.ALIPAY,
        trade_no=f"T-{intent.order_id}",
        amount=PRICE,
        currency="CNY",
        reason=RefundReason.LATE_PAYMENT,
        note="",
        status=status,
        requested_by="system",
        requested_at=datetime.now(UTC),
    )
    async with shop.database.transaction() as connection:
        return await Refunds(connection).request(refund)


async def _paid_with_points(shop: Shop, sources: AuditSources, price: int) -> Intent:
    """A paid order, rewritten as if its buyer had paid with points."""
    intent = await paid(shop, sources, "ada")
    await shop.grant_points("ada", 1000)
    async with shop.database.transaction() as connection:
        await Points(connection).debit(intent.order_id, "ada", price)
    await damage(shop.database, f"UPDATE payments SET method = 'points', amount = {price}")  # noqa: S608
    await damage(shop.database, f"UPDATE payment_flows SET method = 'points', amount = {price}")  # noqa: S608
    await until(partial(_is_paid, shop, intent))
    return intent


async def _is_paid(shop: Shop, intent: Intent) -> bool:
    payments = (await shop.dossier(intent.order_id)).payments
    return payments[0].status is PaymentStatus.PAID
