from datetime import UTC, date, datetime, timedelta

from domain.bill import (
    BillCheck,
    BilledRefund,
    BillFault,
    BillLine,
    BillMismatch,
    ComparedLine,
    UnreadRow,
)
from domain.payment import FlowKind, PaymentMethod
from domain.states import RefundStatus
from infra.postgres.bills import BATCH, Bills
from infra.postgres.engine import Database
from infra.postgres.payments import PaymentFlows
from infra.postgres.refunds import Refunds
from tests.support.ledger import open_item, pay, place
from tests.support.values import PRICE, a_payment, a_refund, an_order

ALIPAY, WECHATPAY = PaymentMethod.ALIPAY, PaymentMethod.WECHATPAY
DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 4, tzinfo=UTC)


def a_line(
    number: str, kind: FlowKind = FlowKind.RECEIVED, payment_id: str = "", amount: int = PRICE
) -> BillLine:
    return BillLine(
        kind=kind,
        payment_id=payment_id or f"P{number}",
        trade_no=number,
        refund_id=number if kind is FlowKind.REFUNDED else None,
        amount=amount,
        at=AT,
    )


def a_check(method: PaymentMethod = ALIPAY, day: date = DAY, matched: int = 1) -> BillCheck:
    return BillCheck(
        method=method,
        day=day,
        checked_at=AT,
        lines=1,
        matched=matched,
        repaired=0,
        mismatches=1 - matched,
    )


async def _compared(database: Database, method: PaymentMethod = ALIPAY) -> list[ComparedLine]:
    async with database.transaction() as connection:
        return await Bills(connection).compared(method, DAY)


async def test_each_line_stands_beside_what_we_have_under_its_number(database: Database) -> None:
    item = await open_item(database)
    paid = await pay(database, await place(database, item, "ada"))
    begun = a_payment(an_order(item, "bob"))
    refund = a_refund(paid, amount=100)
    async with database.transaction() as connection:
        await Refunds(connection).request(refund)
        lines = [
            a_line(f"T{paid.payment_id}", payment_id=paid.payment_id),
            a_line("T-strange", payment_id=begun.payment_id),
            a_line(refund.refund_id, FlowKind.REFUNDED, paid.payment_id, 100),
        ]
        await Bills(connection).keep(ALIPAY, DAY, lines)

    by_number = {line.reference: line for line in await _compared(database)}

    booked, strange, back = (by_number[line.reference] for line in lines)
    assert (booked.booked, booked.order_id) == (PRICE, paid.order_id)
    assert (strange.booked, strange.order_id) == (None, None)
    assert (back.booked, back.refund_status, back.refund_amount) == (
        None,
        RefundStatus.REQUESTED,
        100,
    )


async def test_another_providers_number_is_another_number(database: Database) -> None:
    item = await open_item(database)
    paid = await pay(database, await place(database, item, "ada"), WECHATPAY)
    async with database.transaction() as connection:
        line = a_line(f"T{paid.payment_id}", payment_id=paid.payment_id)
        await Bills(connection).keep(ALIPAY, DAY, [line])

    (compared,) = await _compared(database)

    assert (compared.booked, compared.order_id) == (None, None)
    assert await _compared(database, WECHATPAY) == []


async def test_a_bill_fetched_again_replaces_its_lines(database: Database) -> None:
    for amount in (100, 200):
        async with database.transaction() as connection:
            await Bills(connection).keep(ALIPAY, DAY, [a_line("T1", amount=amount)])

    assert [line.amount for line in await _compared(database)] == [200]


async def test_a_refunds_state_is_kept_as_the_bill_has_it(database: Database) -> None:
    line = a_line("R1", FlowKind.REFUNDED)
    for state in (BilledRefund.ASKED, BilledRefund.FAILED):
        async with database.transaction() as connection:
            told = line.model_copy(update={"refund_state": state})
            await Bills(connection).keep(ALIPAY, DAY, [told])

        assert [compared.refund_state for compared in await _compared(database)] == [state]


async def test_rows_that_nobody_can_read_are_kept_until_the_bill_is_fetched_again(
    database: Database,
) -> None:
    item = await open_item(database)
    paid = await pay(database, await place(database, item, "ada"))
    known = UnreadRow(reference="row 2: odd", payment_id=paid.payment_id)
    async with database.transaction() as connection:
        bills = Bills(connection)
        await bills.keep_unread(ALIPAY, DAY, [known, UnreadRow(reference="row 3: odd")])
        await bills.keep_unread(WECHATPAY, DAY, [UnreadRow(reference="row 9: odd")])
        first = await bills.unread(ALIPAY, DAY)
        await bills.keep_unread(ALIPAY, DAY, [])

        assert [(row.fault, row.reference, row.order_id) for row in first] == [
            (BillFault.UNREADABLE, "row 2: odd", paid.order_id),
            (BillFault.UNREADABLE, "row 3: odd", None),
        ]
        assert await bills.unread(ALIPAY, DAY) == []
        assert len(await bills.unread(WECHATPAY, DAY)) == 1


async def test_a_long_bill_is_read_in_batches_that_miss_nothing(database: Database) -> None:
    payments = [a_line(f"T{number:05}") for number in range(BATCH)]
    refunds = [a_line(f"T{number:05}", FlowKind.REFUNDED) for number in range(3)]
    async with database.transaction() as connection:
        bills = Bills(connection)
        await bills.keep(ALIPAY, DAY, payments)
        await bills.keep(ALIPAY, DAY, refunds)
        await bills.keep(ALIPAY, DAY + timedelta(days=1), [a_line("T-of-another-day")])
        first = await bills.compared(ALIPAY, DAY)
        second = await bills.compared(ALIPAY, DAY, first[-1])
        third = await bills.compared(ALIPAY, DAY, second[-1])

    assert (len(first), len(second), third) == (BATCH, 3, [])
    assert len({(line.kind, line.reference) for line in first + second}) == BATCH + 3


async def test_what_no_bill_lists_is_found_by_when_we_booked_it(database: Database) -> None:
    start = datetime.now(UTC)
    async with database.transaction() as connection:
        flows, bills = PaymentFlows(connection), Bills(connection)
        for method, number in [(ALIPAY, "T1"), (ALIPAY, "T2"), (WECHATPAY, "T3")]:
            await flows.record("O1", f"P{number}", method, FlowKind.RECEIVED, number, 5)
        await bills.keep(ALIPAY, DAY, [a_line("T1")])
        end = datetime.now(UTC) + timedelta(minutes=1)

        (absent,) = await bills.absent(ALIPAY, start - timedelta(minutes=1), end)

        assert (absent.reference, absent.booked, absent.billed) == ("T2", 5, None)
        assert await bills.absent(ALIPAY, end, end + timedelta(hours=1)) == []


async def test_a_day_has_one_outcome_per_provider_the_latest(database: Database) -> None:
    async with database.transaction() as connection:
        bills = Bills(connection)
        assert await bills.has(ALIPAY, DAY) is False
        await bills.save(a_check(matched=0))
        await bills.save(a_check(WECHATPAY))
        await bills.save(a_check(matched=1))
        assert await bills.has(ALIPAY, DAY) is True
        first, cursor = await bills.page(None, 1)
        second, end = await bills.page(cursor, 1)

    assert (first, second, end) == ([a_check(WECHATPAY)], [a_check()], None)


async def test_days_without_a_comparison_or_a_bill_wait_the_least_tried_first(
    database: Database,
) -> None:
    def day(number: int) -> date:
        return DAY + timedelta(days=number)

    async def open_days(method: PaymentMethod = ALIPAY, since: date = DAY) -> list[date]:
        async with database.transaction() as connection:
            return await Bills(connection).open_days(method, since, day(6))

    no_bill = BillMismatch(fault=BillFault.NO_BILL, reference="no bill")
    assert await open_days() == []
    async with database.transaction() as connection:
        bills = Bills(connection)
        await bills.save(a_check(day=day(1)))
        for number, tries in ((2, 2), (4, 1)):
            for _ in range(tries):
                check = a_check(day=day(number), matched=0)
                await bills.save(check.model_copy(update={"sample": (no_bill,)}))
        await bills.save(a_check(day=day(7)))

    # Days 3 and 5 were never looked at, and day 2 twice; nothing began before day 1.
    assert await open_days() == [day(3), day(5), day(4), day(2)]
    assert await open_days(since=day(3)) == [day(5), day(4)]
    assert await open_days(WECHATPAY) == []
