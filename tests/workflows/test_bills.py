"""Bill reconciliation on real stores: what agrees, what is made up for, what a person must see."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment

from domain.bill import BillFault, day_of, start_of
from domain.payment import PaymentMethod
from domain.states import OrderStatus
from infra.postgres.bills import Bills
from tests.support.bookkeeper import DAY, Bookkeeper
from tests.support.ledger import begin, place
from tests.support.shop import PRICE, Shop
from tests.support.values import a_payment, an_order
from workflows.bills import ReconcileBills


@pytest.fixture
def keeper(shop: Shop) -> Bookkeeper:
    return Bookkeeper(shop)


@pytest.fixture
def today(time_skipping: WorkflowEnvironment) -> Iterator[None]:
    """The clock goes as it goes: what happens now happens today."""
    with time_skipping.auto_time_skipping_disabled():
        yield


async def test_books_that_agree_line_by_line_need_nobody(keeper: Bookkeeper) -> None:
    for user_id in ("ada", "bob"):
        keeper.bills(await keeper.books(user_id))

    check = await keeper.reconciles()

    assert (check.ok, check.lines, check.matched, check.repaired) == (True, 2, 2, 0)
    assert await keeper.attention() == []


async def test_a_payment_whose_notice_was_missed_reaches_its_order(
    shop: Shop, keeper: Bookkeeper, today: None
) -> None:
    handle = await shop.start(await shop.intent())
    payment = await shop.begin_payment(handle)
    receipt = shop.alipay.pay(payment.payment_id)

    check = await keeper.reconciles(day_of(receipt.paid_at))

    assert (check.ok, check.matched, check.repaired) == (True, 1, 1)
    told = [event.event_type for event in (await handle.fetch_history()).events]
    assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED in told
    dossier = await shop.dossier(payment.order_id)
    assert dossier.order.status in (OrderStatus.PAID, OrderStatus.FULFILLED)
    again = await keeper.reconciles(day_of(receipt.paid_at))
    assert (again.ok, again.matched, again.repaired) == (True, 1, 0)


async def test_money_that_came_after_its_order_was_over_goes_back(
    shop: Shop, keeper: Bookkeeper, today: None
) -> None:
    handle = await shop.start(await shop.intent())
    payment = await shop.begin_payment(handle)
    await shop.cancel(handle)
    await handle.result()
    shop.alipay.closed.clear()
    receipt = shop.alipay.pay(payment.payment_id)

    first = await keeper.reconciles(day_of(receipt.paid_at))
    second = await keeper.reconciles(day_of(receipt.paid_at))

    assert (first.ok, first.repaired) == (True, 1)
    assert list(shop.alipay.refunded.values()) == [PRICE]
    assert (second.ok, second.matched, second.repaired) == (True, 2, 0)


async def test_what_a_bill_has_and_nobody_knows_is_raised_once(
    shop: Shop, keeper: Bookkeeper
) -> None:
    strange = a_payment(an_order(shop.item))
    keeper.bills(strange)
    keeper.bills_refund("R-by-hand", strange.payment_id, 300)

    for _ in range(2):
        check = await keeper.reconciles()

    faults = {mismatch.fault: mismatch.billed for mismatch in check.sample}
    assert faults == {BillFault.UNKNOWN_PAYMENT: PRICE, BillFault.UNKNOWN_REFUND: 300}
    assert (check.lines, check.matched, check.mismatches) == (2, 0, 2)
    subjects = [row.subject for row in await keeper.attention()]
    assert len(subjects) == len(set(subjects)) == 2


async def test_other_amounts_and_missing_lines_are_raised_until_they_are_put_right(
    shop: Shop, keeper: Bookkeeper
) -> None:
    ada, bob = await keeper.books("ada"), await keeper.books("bob")
    keeper.bills(ada, amount=PRICE - 1)

    check = await keeper.reconciles()

    assert {mismatch.fault: (mismatch.billed, mismatch.booked) for mismatch in check.sample} == {
        BillFault.WRONG_AMOUNT: (PRICE - 1, PRICE),
        BillFault.NOT_IN_BILL: (None, PRICE),
    }
    assert (check.lines, check.matched) == (1, 0)
    assert {row.order_id for row in await keeper.attention()} == {ada.order_id, bob.order_id}

    keeper.bills(ada)
    keeper.bills(bob)

    assert (await keeper.reconciles()).ok
    assert await keeper.attention() == []


async def test_what_was_booked_just_after_midnight_may_stand_in_the_bill_before(
    keeper: Bookkeeper,
) -> None:
    midnight = start_of(DAY)
    payment = await keeper.books("ada", at=midnight + timedelta(minutes=1))
    keeper.bills(payment, at=midnight - timedelta(seconds=1))

    check = await keeper.reconciles()

    assert (check.ok, check.lines) == (True, 0)


async def test_what_was_booked_just_before_midnight_is_looked_for_in_the_next_bill_too(
    keeper: Bookkeeper,
) -> None:
    midnight = start_of(DAY) + timedelta(days=1)
    payment = await keeper.books("ada", at=midnight - timedelta(seconds=1))
    keeper.bills(payment, at=midnight + timedelta(seconds=1))

    assert (await keeper.reconciles()).ok
    assert (await keeper.reconciles(DAY + timedelta(days=1))).ok


async def test_a_number_that_stands_twice_in_a_bill_is_money_that_moved_twice(
    shop: Shop, keeper: Bookkeeper
) -> None:
    payment = await keeper.books("ada")
    keeper.bills(payment)
    (line,) = (await shop.alipay.download_bill(DAY)).lines
    shop.alipay.other_lines.append(line)

    check = await keeper.reconciles()

    assert [(fault.fault, fault.billed) for fault in check.sample] == [
        (BillFault.WRONG_AMOUNT, 2 * PRICE)
    ]


async def test_a_bill_that_is_late_is_waited_for(shop: Shop, keeper: Bookkeeper) -> None:
    keeper.bills(await keeper.books("ada"))
    shop.alipay.bills_late = 5

    assert (await keeper.reconciles()).matched == 1


async def test_a_bill_that_never_comes_is_raised_and_one_that_comes_later_settles_it(
    shop: Shop, keeper: Bookkeeper
) -> None:
    shop.alipay.bills_late = 1_000_000

    check = await keeper.reconciles()

    assert [mismatch.fault for mismatch in check.sample] == [BillFault.NO_BILL]
    assert len(await keeper.attention()) == 1
    shop.alipay.bills_late = 0
    assert (await keeper.reconciles()).ok
    assert await keeper.attention() == []


async def test_an_order_that_stands_still_is_paid_and_taken_up_again(
    shop: Shop, keeper: Bookkeeper
) -> None:
    """No workflow runs, and yet the order waits to be paid: giving back would be wrong."""
    order = await place(shop.database, shop.item)
    payment = await begin(shop.database, a_payment(order))
    keeper.bills(payment)

    check = await keeper.reconciles()

    assert (check.sample, check.repaired) == ((), 1)
    assert (await shop.dossier(order.order_id)).order.status in (
        OrderStatus.PAID,
        OrderStatus.FULFILLED,
    )
    assert shop.alipay.refunds_asked == []


async def test_a_bill_alone_moves_no_money(shop: Shop, keeper: Bookkeeper) -> None:
    """The provider itself is asked, and does not confirm what its file says."""
    handle = await shop.start(await shop.intent())
    payment = await shop.begin_payment(handle)
    keeper.bills(payment)
    (line,) = (await shop.alipay.download_bill(DAY)).lines
    shop.alipay.other_lines.append(line)
    shop.alipay.receipts.clear()

    check = await keeper.reconciles()

    assert [mismatch.fault for mismatch in check.sample] == [BillFault.NOT_SETTLED]
    assert (await shop.dossier(payment.order_id)).order.status is OrderStatus.PENDING_PAYMENT
    await handle.terminate()


async def test_by_itself_it_takes_every_providers_bill_of_the_day_before(
    shop: Shop, keeper: Bookkeeper, time_skipping: WorkflowEnvironment
) -> None:
    yesterday = day_of(await time_skipping.get_current_time()) - timedelta(days=1)
    payment = await keeper.books("ada", at=start_of(yesterday) + timedelta(hours=9))
    keeper.bills(payment, at=start_of(yesterday) + timedelta(hours=9))

    outcome = await keeper.runs(ReconcileBills())

    assert outcome.day == yesterday
    assert {check.method: (check.ok, check.lines) for check in outcome.checks} == {
        PaymentMethod.ALIPAY: (True, 1),
        PaymentMethod.WECHATPAY: (True, 0),
    }
    async with shop.database.transaction() as connection:
        kept, _ = await Bills(connection).page(None, 10)
    assert {check.method for check in kept} == {PaymentMethod.ALIPAY, PaymentMethod.WECHATPAY}


async def test_days_that_were_missed_or_had_no_bill_are_made_up_for_in_the_next_round(
    shop: Shop, keeper: Bookkeeper, time_skipping: WorkflowEnvironment, today: None
) -> None:
    yesterday = day_of(await time_skipping.get_current_time()) - timedelta(days=1)
    shop.alipay.declines_bills = True
    # Nothing ran on the day after this one.
    check = await keeper.reconciles(yesterday - timedelta(days=2))
    assert [mismatch.fault for mismatch in check.sample] == [BillFault.NO_BILL]
    shop.alipay.declines_bills = False

    outcome = await keeper.runs(ReconcileBills())

    days = [check.day for check in outcome.checks if check.method is PaymentMethod.ALIPAY]
    # The least tried comes first.
    missed = [yesterday - timedelta(days=1), yesterday - timedelta(days=2)]
    assert (outcome.day, days) == (yesterday, [yesterday, *missed])
    assert all(check.ok for check in outcome.checks)
    assert await keeper.attention() == []
