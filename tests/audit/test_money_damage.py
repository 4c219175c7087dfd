"""Damage to money and points: found, named, and told apart from money on its way."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest

from audit.sources import AuditSources
from domain.payment import FlowKind, PaymentMethod
from domain.refund import Refund, RefundReason
from domain.reservation import Intent
from domain.states import PaymentStatus, RefundStatus
from infra.postgres.payments import PaymentFlows
from infra.postgres.points import Points
from infra.postgres.refunds import Refunds
from tests.support.damage import assert_breaks, cancelled, damage, dispatched, handle_of, line, paid
from tests.support.paper_book import PaperBook, book_trade
from tests.support.polling import eventually
from tests.support.shop import PRICE, Shop


@pytest.fixture
def book(sources: AuditSources) -> PaperBook:
    assert isinstance(sources.book, PaperBook)
    return sources.book


@pytest.fixture
def bookless(sources: AuditSources) -> AuditSources:
    return replace(sources, book=None)


async def test_a5_a_paid_order_whose_money_is_not_on_record(
    shop: Shop, bookless: AuditSources
) -> None:
    intent = await paid(shop, bookless, "ada")
    await paid(shop, bookless, "bob")
    await damage(
        shop.database, "DELETE FROM payment_flows WHERE order_id = :id", id=intent.order_id
    )

    report = await assert_breaks(bookless, "A5", intent.order_id)

    assert f"should keep {PRICE}, but received 0" in line(report, "A5").detail


async def test_a5_surplus_money_that_only_an_attention_knows_of(
    shop: Shop, bookless: AuditSources
) -> None:
    intent = await cancelled(shop, bookless, "ada")
    await _surplus(shop, intent)

    report = await assert_breaks(bookless, "A5", intent.order_id)

    assert f"{PRICE} too much, and no refund of it is under way" in line(report, "A5").detail


async def test_a5_surplus_money_is_in_flight_while_its_refund_runs(
    shop: Shop, bookless: AuditSources
) -> None:
    intent = await cancelled(shop, bookless, "ada")
    await _surplus(shop, intent)
    refund = await _refund(shop, intent)
    await assert_breaks(bookless, "A5", intent.order_id)

    await shop.client.start_workflow("RefundWorkflow", id=refund.workflow_id, task_queue="none")

    report = await assert_breaks(bookless, "")
    assert "1 refund under way" in line(report, "A5").detail


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

    assert "is refunding, but no refund is under way" in line(report, "A5").detail


async def test_a5_an_order_paid_with_points_keeps_its_price_in_points(
    shop: Shop, bookless: AuditSources
) -> None:
    intent = await _paid_with_points(shop, bookless, 300)
    await assert_breaks(bookless, "")

    await damage(shop.database, "UPDATE payment_flows SET amount = 299")
    report = await assert_breaks(bookless, "A5 A6", intent.order_id)
    assert "should keep 300, but received 299" in line(report, "A5").detail


async def test_a5_the_provider_has_other_money_than_we(
    shop: Shop, sources: AuditSources, book: PaperBook
) -> None:
    intent = await paid(shop, sources, "ada")
    payment_id = (await shop.dossier(intent.order_id)).payments[0].payment_id
    book.refunded[payment_id] = PRICE

    report = await assert_breaks(sources, "A5", intent.order_id)

    assert f"book has {PRICE} paid and {PRICE} refunded, ours {PRICE} and 0" in (
        line(report, "A5").detail
    )


async def test_a5_money_in_our_ledger_that_the_provider_never_had(
    shop: Shop, sources: AuditSources
) -> None:
    intent = await paid(shop, sources, "ada")
    shop.alipay.receipts.clear()

    await assert_breaks(sources, "A5", intent.order_id)


async def test_a5_a_paid_trade_that_we_do_not_know(
    shop: Shop, sources: AuditSources, book: PaperBook
) -> None:
    intent = await cancelled(shop, sources, "ada")
    book.extra.append(book_trade(f"{intent.order_id}A9", amount=PRICE, paid=PRICE))
    book.extra.append(book_trade("somebody-elses", amount=5, paid=5))
    book.extra.append(book_trade("never-paid", amount=5, paid=0))

    report = await assert_breaks(sources, "A5", intent.order_id)

    assert "2 broken" in line(report, "A5").detail
    assert "5 paid for somebody-elses, unknown to us" in line(report, "A5").detail


async def test_a5_money_for_a_waiting_order_is_on_its_way_while_its_workflow_runs(
    shop: Shop, sources: AuditSources
) -> None:
    intent = await dispatched(shop, sources, "ada")
    handle = handle_of(shop, intent.order_id)
    shop.alipay.pay((await shop.begin_payment(handle)).payment_id)

    report = await assert_breaks(sources, "")
    assert "the news of 1 on its way" in line(report, "A5").detail

    await handle.terminate()
    await assert_breaks(sources, "A4 A5", intent.order_id)


async def test_a5_a_book_that_cannot_be_read_proves_nothing(
    shop: Shop, sources: AuditSources, book: PaperBook
) -> None:
    book.away = True

    report = await assert_breaks(sources, "A5")

    assert "the provider's book does not answer" in line(report, "A5").detail


async def test_a5_says_when_there_is_no_book(bookless: AuditSources) -> None:
    report = await assert_breaks(bookless, "")

    assert "no provider's book to compare with" in line(report, "A5").detail


async def test_a6_a_balance_that_its_entries_do_not_explain(
    shop: Shop, sources: AuditSources
) -> None:
    await _grant(shop, "ada", 100)
    await damage(shop.database, "UPDATE points_accounts SET balance = 150")

    report = await assert_breaks(sources, "A6")

    assert "account of user ada: balance is 150, its entries sum to 100" in (
        line(report, "A6").detail
    )


async def test_a6_points_given_back_that_were_never_taken(
    shop: Shop, sources: AuditSources
) -> None:
    intent = await cancelled(shop, sources, "ada")
    await _grant(shop, "ada", 100)
    await damage(
        shop.database,
        "INSERT INTO points_entries (user_id, order_id, kind, amount, balance_after)"
        " VALUES ('ada', :id, 'credit', 50, 150)",
        id=intent.order_id,
    )
    await damage(shop.database, "UPDATE points_accounts SET balance = 150")

    await assert_breaks(sources, "A6", intent.order_id)


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


async def _grant(shop: Shop, user_id: str, points: int) -> None:
    async with shop.database.transaction() as connection:
        await Points(connection).grant(user_id, points, "a gift")


async def _paid_with_points(shop: Shop, sources: AuditSources, price: int) -> Intent:
    """A paid order, rewritten as if its buyer had paid with points."""
    intent = await paid(shop, sources, "ada")
    await _grant(shop, "ada", 1000)
    async with shop.database.transaction() as connection:
        await Points(connection).debit(intent.order_id, "ada", price)
    await damage(shop.database, f"UPDATE payments SET method = 'points', amount = {price}")  # noqa: S608
    await damage(shop.database, f"UPDATE payment_flows SET method = 'points', amount = {price}")  # noqa: S608
    await eventually(partial(_is_paid, shop, intent))
    return intent


async def _is_paid(shop: Shop, intent: Intent) -> bool:
    payments = (await shop.dossier(intent.order_id)).payments
    return payments[0].status is PaymentStatus.PAID
