from datetime import UTC, date, datetime, timedelta

import pytest

from domain.bill import (
    BillCheck,
    BilledRefund,
    BillFault,
    BillLine,
    ComparedLine,
    day_of,
    is_over,
    ready_at,
    start_of,
)
from domain.ids import new_order_id
from domain.payment import FlowKind, PaymentMethod, payment_id_for
from domain.states import RefundStatus

DAY = date(2030, 1, 1)
MIDNIGHT = datetime(2029, 12, 31, 16, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RECEIVED, REFUNDED = FlowKind.RECEIVED, FlowKind.REFUNDED


class TestDay:
    def test_begins_and_ends_at_midnight_in_shanghai(self) -> None:
        assert start_of(DAY) == MIDNIGHT
        assert day_of(MIDNIGHT) == DAY
        assert day_of(MIDNIGHT - SECOND) == DAY - timedelta(days=1)
        assert day_of(MIDNIGHT + timedelta(days=1) - SECOND) == DAY

    def test_is_over_with_its_last_second(self) -> None:
        end = MIDNIGHT + timedelta(days=1)

        assert not is_over(DAY, end - SECOND)
        assert is_over(DAY, end)

    def test_has_its_bill_at_ten_the_day_after(self) -> None:
        assert ready_at(DAY) == datetime(2030, 1, 2, 2, tzinfo=UTC)


class TestLine:
    @pytest.mark.parametrize(
        ("kind", "refund_id", "reference"),
        [(RECEIVED, None, "T1"), (REFUNDED, "R1", "R1"), (REFUNDED, None, "T1")],
        ids=["a payment by its trade", "a refund by our number", "one made by hand by its trade"],
    )
    def test_is_known_by_the_number_our_ledger_has(
        self, kind: FlowKind, refund_id: str | None, reference: str
    ) -> None:
        line = BillLine(
            kind=kind, payment_id="P1", trade_no="T1", refund_id=refund_id, amount=5, at=MIDNIGHT
        )

        assert line.reference == reference


def _line(kind: FlowKind = RECEIVED, **fields: object) -> ComparedLine:
    known = {"kind": kind, "reference": "N1", "payment_id": "P1", "amount": 500}
    return ComparedLine.model_validate({**known, **fields})


class TestComparison:
    @pytest.mark.parametrize("kind", list(FlowKind))
    def test_of_what_both_booked_alike_finds_nothing(self, kind: FlowKind) -> None:
        assert _line(kind, booked=500).mismatch(day_is_over=True) is None

    @pytest.mark.parametrize("kind", list(FlowKind))
    def test_of_what_both_booked_with_another_amount(self, kind: FlowKind) -> None:
        mismatch = _line(kind, booked=499, order_id="O1").mismatch(day_is_over=False)

        assert mismatch is not None
        assert (mismatch.fault, mismatch.billed, mismatch.booked) == (
            BillFault.WRONG_AMOUNT,
            500,
            499,
        )
        assert (mismatch.reference, mismatch.payment_id, mismatch.order_id) == ("N1", "P1", "O1")

    def test_of_money_we_have_not_tells_whether_it_has_an_order(self) -> None:
        assert _line(order_id="O1").fault(day_is_over=False) is BillFault.NOT_SETTLED
        assert _line().fault(day_is_over=False) is BillFault.UNKNOWN_PAYMENT

    def test_of_a_refund_we_never_asked_for(self) -> None:
        assert _line(REFUNDED).fault(day_is_over=True) is BillFault.UNKNOWN_REFUND

    def test_is_of_others_where_nothing_about_it_is_ours(self) -> None:
        number = payment_id_for(new_order_id(1, 1), PaymentMethod.ALIPAY)

        assert _line().is_of_others
        assert not _line(payment_id=number).is_of_others
        assert not _line(is_our_trade=True).is_of_others
        assert not _line(REFUNDED, refund_status=RefundStatus.DONE).is_of_others

    def test_of_a_refund_of_another_amount_than_we_asked_for(self) -> None:
        line = _line(REFUNDED, refund_status=RefundStatus.ACCEPTED, refund_amount=400)

        mismatch = line.mismatch(day_is_over=False)

        assert mismatch is not None
        assert (mismatch.fault, mismatch.billed, mismatch.booked) == (
            BillFault.WRONG_AMOUNT,
            500,
            400,
        )

    @pytest.mark.parametrize(
        ("status", "day_is_over", "fault"),
        [
            (RefundStatus.ACCEPTED, False, None),
            (RefundStatus.ACCEPTED, True, BillFault.REFUND_NOT_DONE),
            (RefundStatus.FAILED, False, BillFault.REFUND_NOT_DONE),
        ],
        ids=["may be on its way", "came too late", "went though we took it for failed"],
    )
    def test_of_a_refund_that_is_not_done_here(
        self, status: RefundStatus, day_is_over: bool, fault: BillFault | None
    ) -> None:
        line = _line(REFUNDED, refund_status=status, refund_amount=500)

        assert line.fault(day_is_over=day_is_over) is fault

    @pytest.mark.parametrize(
        ("said", "ours", "fault"),
        [
            (BilledRefund.ASKED, {"refund_status": RefundStatus.ACCEPTED}, None),
            (BilledRefund.ASKED, {"refund_status": RefundStatus.FAILED}, None),
            (BilledRefund.ASKED, {"refund_status": RefundStatus.DONE, "booked": 500}, None),
            (BilledRefund.ASKED, {"booked": 499}, BillFault.WRONG_AMOUNT),
            (
                BilledRefund.ASKED,
                {"refund_status": RefundStatus.ACCEPTED, "refund_amount": 499},
                BillFault.WRONG_AMOUNT,
            ),
            (BilledRefund.ASKED, {}, BillFault.UNKNOWN_REFUND),
            (BilledRefund.FAILED, {"refund_status": RefundStatus.ACCEPTED}, None),
            (BilledRefund.FAILED, {"refund_status": RefundStatus.FAILED}, None),
            (BilledRefund.FAILED, {}, None),
            (
                BilledRefund.FAILED,
                {"refund_status": RefundStatus.DONE, "booked": 500},
                BillFault.REFUND_FAILED,
            ),
        ],
    )
    def test_of_a_refund_that_was_asked_for_that_day_and_not_done(
        self, said: BilledRefund, ours: dict[str, object], fault: BillFault | None
    ) -> None:
        asked = {"refund_amount": 500} if "refund_status" in ours else {}
        line = _line(REFUNDED, refund_state=said, order_id="O1", **(asked | ours))

        assert line.fault(day_is_over=True) is fault


@pytest.mark.parametrize(("mismatches", "ok"), [(0, True), (1, False)])
def test_a_check_is_good_without_a_mismatch_whatever_was_repaired(
    mismatches: int, ok: bool
) -> None:
    check = BillCheck(
        method=PaymentMethod.ALIPAY,
        day=DAY,
        checked_at=MIDNIGHT,
        lines=3,
        matched=3 - mismatches,
        repaired=2,
        mismatches=mismatches,
    )

    assert check.ok is ok
