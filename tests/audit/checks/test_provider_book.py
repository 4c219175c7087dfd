"""Our ledger beside the provider's own book: what differs is named, what is on its way is not."""

from datetime import UTC, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.archive import ArchiveActivities, ArchiveOld
from audit.run import run_audit
from audit.sources import AuditSources
from domain.payment import PaymentMethod, payment_id_for
from tests.support.audited_orders import (
    assert_breaks,
    cancelled,
    check_of,
    dispatched,
    handle_of,
    paid,
)
from tests.support.paper_book import PaperBook, book_trade
from tests.support.retiring import over, retire
from tests.support.shop import PRICE, Shop


async def test_a5_the_provider_has_other_money_than_we(
    shop: Shop, sources: AuditSources, book: PaperBook
) -> None:
    intent = await paid(shop, sources, "ada")
    payment_id = (await shop.dossier(intent.order_id)).payments[0].payment_id
    book.refunded[payment_id] = PRICE

    report = await assert_breaks(sources, "A5", intent.order_id)

    assert f"book has {PRICE} paid and {PRICE} refunded, ours {PRICE} and 0" in (
        check_of(report, "A5").detail
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

    assert "2 broken" in check_of(report, "A5").detail
    assert "5 paid for somebody-elses, unknown to us" in check_of(report, "A5").detail


async def test_a5_money_for_a_waiting_order_is_on_its_way_while_its_workflow_runs(
    shop: Shop, sources: AuditSources
) -> None:
    intent = await dispatched(shop, sources, "ada")
    handle = handle_of(shop, intent.order_id)
    shop.alipay.pay((await shop.begin_payment(handle)).payment_id)

    report = await assert_breaks(sources, "")
    assert "the news of 1 on its way" in check_of(report, "A5").detail

    await handle.terminate()
    await assert_breaks(sources, "A4 A5", intent.order_id)


async def test_a5_a_book_that_cannot_be_read_proves_nothing(
    shop: Shop, sources: AuditSources, book: PaperBook
) -> None:
    book.away = True

    report = await assert_breaks(sources, "A5")

    assert "the provider's book does not answer" in check_of(report, "A5").detail


async def test_a5_says_when_there_is_no_book(bookless: AuditSources) -> None:
    report = await assert_breaks(bookless, "")

    assert "no provider's book to compare with" in check_of(report, "A5").detail


async def test_a5_money_of_an_order_in_the_archive_is_known(
    shop: Shop, sources: AuditSources, book: PaperBook
) -> None:
    intent = await paid(shop, sources, "ada")
    await over(shop)
    await retire(shop)
    assert (await run_audit(sources)).ok
    far = datetime.now(UTC) + timedelta(days=1)
    old = ArchiveOld(older_than=far, ledgers_older_than=far)

    archived = await ActivityEnvironment().run(ArchiveActivities(shop.database).archive_old, old)

    assert archived.orders == 1
    await assert_breaks(sources, "")
    # It is asked about as before, and the book still is compared.
    shop.alipay.receipts.clear()
    payment_id = payment_id_for(intent.order_id, PaymentMethod.ALIPAY)
    book.extra.append(book_trade(payment_id, amount=PRICE + 1, paid=PRICE + 1))
    await assert_breaks(sources, "A5", intent.order_id)
