"""A provider's bill, step by step: fetched, merged, and kept beside our ledger."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.bills import Billers, BillRef, BillRepairs, ConcludeBill, MissBill, merged
from domain.bill import BilledRefund, BillFault, BillLine, UnreadRow
from domain.payment import FlowKind, PaymentMethod, Trade
from tests.support.bookkeeper import DAY, NOON, Bookkeeper
from tests.support.ledger import begin, place
from tests.support.shop import PRICE, Shop
from tests.support.values import a_payment, an_order

BILL = BillRef(method=PaymentMethod.ALIPAY, day=DAY)
LATER = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture
def shop(shop_without_worker: Shop) -> Shop:
    return shop_without_worker


@pytest.fixture
def keeper(shop: Shop) -> Bookkeeper:
    return Bookkeeper(shop)


def a_payment_number(shop: Shop) -> str:
    """Of our form, and of no payment that we know."""
    return a_payment(an_order(shop.item)).payment_id


def _step(shop: Shop, name: str) -> Callable[..., Any]:
    (step,) = (one for one in shop.activities().general if one.__name__ == name)
    return step


def _line(reference: str, amount: int, kind: FlowKind = FlowKind.RECEIVED) -> BillLine:
    refund = reference if kind is FlowKind.REFUNDED else None
    return BillLine(
        kind=kind, payment_id="P1", trade_no=reference, refund_id=refund, amount=amount, at=NOON
    )


def test_a_number_that_stands_twice_adds_up() -> None:
    lines = merged([_line("T1", 100), _line("T2", 7), _line("T1", 100)])

    assert [(line.reference, line.amount) for line in lines] == [("T1", 200), ("T2", 7)]


def test_money_that_came_and_money_that_went_are_two_lines() -> None:
    lines = merged([_line("T1", 100), _line("T1", 100, FlowKind.REFUNDED)])

    assert [line.amount for line in lines] == [100, 100]


def test_of_a_refund_only_what_is_done_has_moved() -> None:
    asked = _line("R1", 100, FlowKind.REFUNDED).model_copy(
        update={"refund_state": BilledRefund.ASKED}
    )
    done = _line("R1", 100, FlowKind.REFUNDED)

    for lines in ((asked, done), (done, asked)):
        (line,) = merged(lines)
        assert (line.amount, line.refund_state) == (100, BilledRefund.DONE)


async def test_a_row_that_nobody_can_read_costs_the_day_nothing(
    shop: Shop, keeper: Bookkeeper
) -> None:
    keeper.bills(await keeper.books("ada"))
    shop.alipay.unread_rows.append(UnreadRow(reference="row 7: an unknown kind of business"))
    conclude = ConcludeBill(bill=BILL, checked_at=LATER, missed=0)

    fetched = await ActivityEnvironment().run(_step(shop, "fetch_bill"), BILL)
    check = await ActivityEnvironment().run(_step(shop, "conclude_bill"), conclude)

    assert (fetched.lines, fetched.unread) == (1, 1)
    assert (check.lines, check.matched, check.mismatches) == (1, 1, 1)
    assert [row.what for row in await keeper.attention()] == [
        f"alipay bill of {DAY}, row 7: an unknown kind of business: this row cannot be read"
        " (payment None); all others are compared"
    ]

    shop.alipay.unread_rows.clear()
    await ActivityEnvironment().run(_step(shop, "fetch_bill"), BILL)
    check = await ActivityEnvironment().run(_step(shop, "conclude_bill"), conclude)

    assert check.ok
    assert await keeper.attention() == []


async def test_rows_of_other_applications_are_one_matter_and_hide_nothing_of_ours(
    shop: Shop, keeper: Bookkeeper
) -> None:
    ours = await keeper.books("ada")
    keeper.bills(ours)
    till = [_line(f"T-till-{number}", 100 + number) for number in range(7)]
    at_the_till = [line.model_copy(update={"payment_id": f"till-{line.amount}"}) for line in till]
    back = _line("R-till", 30, FlowKind.REFUNDED)
    # In the provider's console: no number of ours, but our trade.
    by_hand = back.model_copy(
        update={"payment_id": "", "refund_id": None, "trade_no": f"T{ours.payment_id}"}
    )
    lost = _line("T-lost", 9).model_copy(update={"payment_id": a_payment_number(shop)})
    shop.alipay.other_lines += [*at_the_till, back, by_hand, lost]
    conclude = ConcludeBill(bill=BILL, checked_at=LATER, missed=0)

    await ActivityEnvironment().run(_step(shop, "fetch_bill"), BILL)
    for _ in range(2):
        check = await ActivityEnvironment().run(_step(shop, "conclude_bill"), conclude)

    assert (check.lines, check.matched, check.mismatches) == (11, 1, 3)
    assert sorted(mismatch.fault for mismatch in check.sample) == [
        BillFault.OF_OTHERS,
        BillFault.UNKNOWN_PAYMENT,
        BillFault.UNKNOWN_REFUND,
    ]
    (others,) = [row.what for row in await keeper.attention() if "rows" in row.what]
    assert others.startswith(f"alipay bill of {DAY}, 8 rows, such as T-till-0 (till-100, 100), ")
    assert len(await keeper.attention()) == 3


async def test_points_have_no_provider_and_no_bill(shop: Shop) -> None:
    billers = await ActivityEnvironment().run(_step(shop, "list_billers"))

    assert billers == Billers(methods=(PaymentMethod.ALIPAY, PaymentMethod.WECHATPAY))


async def test_a_bill_that_is_not_ready_alarms_nobody_and_is_tried_again(shop: Shop) -> None:
    shop.alipay.bills_late = 1
    fetch = _step(shop, "fetch_bill")

    with pytest.raises(ApplicationError) as error:
        await ActivityEnvironment().run(fetch, BILL)

    assert error.value.category is ApplicationErrorCategory.BENIGN
    assert not error.value.non_retryable
    assert (await ActivityEnvironment().run(fetch, BILL)).lines == 0


async def test_a_bill_fetched_again_is_kept_once(shop: Shop, keeper: Bookkeeper) -> None:
    keeper.bills(await keeper.books("ada"))
    conclude = ConcludeBill(bill=BILL, checked_at=LATER, missed=0)

    for _ in range(2):
        fetched = await ActivityEnvironment().run(_step(shop, "fetch_bill"), BILL)
        assert fetched.lines == 1
    check = await ActivityEnvironment().run(_step(shop, "conclude_bill"), conclude)

    assert (check.ok, check.lines, check.matched) == (True, 1, 1)


async def test_what_was_missed_and_is_settled_by_the_end_counts_as_repaired(
    shop: Shop, keeper: Bookkeeper
) -> None:
    keeper.bills(await keeper.books("ada"))
    keeper.bills(await keeper.books("bob"), amount=PRICE + 1)
    conclude = ConcludeBill(bill=BILL, checked_at=LATER, missed=1)

    await ActivityEnvironment().run(_step(shop, "fetch_bill"), BILL)
    check = await ActivityEnvironment().run(_step(shop, "conclude_bill"), conclude)

    assert (check.repaired, check.mismatches) == (1, 1)
    assert [mismatch.fault for mismatch in check.sample] == [BillFault.WRONG_AMOUNT]


async def test_a_bill_that_was_not_to_be_had_needs_a_person(shop: Shop, keeper: Bookkeeper) -> None:
    miss = MissBill(bill=BILL, checked_at=LATER)

    check = await ActivityEnvironment().run(_step(shop, "miss_bill"), miss)

    assert [mismatch.fault for mismatch in check.sample] == [BillFault.NO_BILL]
    assert [raised.what for raised in await keeper.attention()] == [
        f"alipay bill of {DAY}, {DAY}: there was no bill to be had"
    ]


async def test_a_bill_that_was_cut_off_is_gone_on_with_where_it_stood(
    shop: Shop, keeper: Bookkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or lines that nobody can be told of would take the time of all behind them, at each try."""
    for user_id in ("ada", "bob", "eve"):
        order = await place(shop.database, shop.item, user_id)
        keeper.bills(await begin(shop.database, a_payment(order)))
    await ActivityEnvironment().run(_step(shop, "fetch_bill"), BILL)
    asked: list[str] = []

    async def query(payment_id: str) -> Trade:
        asked.append(payment_id)
        if len(asked) == 2:
            raise RPCError("connection refused", RPCStatusCode.UNAVAILABLE, b"")
        raise ValueError("an answer that nobody can read")

    monkeypatch.setattr(shop.alipay, "query", query)
    environment = ActivityEnvironment()
    reported: list[Any] = []
    environment.on_heartbeat = lambda *details: reported.append(details[0])
    monkeypatch.setattr("activities.heartbeats.EVERY_SECONDS", 0.0)
    with pytest.raises(RPCError):
        await environment.run(_step(shop, "repair_bill"), BILL)

    environment = ActivityEnvironment()
    environment.info = replace(environment.info, heartbeat_details=[reported[-1]])
    repairs = await environment.run(_step(shop, "repair_bill"), BILL)

    first, cut_off, *rest = asked
    assert rest[0] == cut_off
    assert first not in rest
    assert repairs == BillRepairs(missed=3, unanswered=3)
