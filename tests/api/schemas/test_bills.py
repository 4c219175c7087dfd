"""How comparing a bill came out, as operators see it."""

from datetime import date

from api.schemas.bills import bill_check_view
from domain.bill import BillCheck, BillFault, BillMismatch
from domain.payment import PaymentMethod
from tests.support.values import NOON

MISMATCH = BillMismatch(fault=BillFault.NOT_IN_BILL, reference="T1", order_id="O1", booked=8800)


def a_check(*mismatches: BillMismatch) -> BillCheck:
    return BillCheck(
        method=PaymentMethod.ALIPAY,
        day=date(2030, 1, 1),
        checked_at=NOON,
        lines=4,
        matched=3,
        repaired=1,
        mismatches=len(mismatches),
        sample=mismatches,
    )


def test_a_bill_without_mismatch_is_in_order() -> None:
    view = bill_check_view(a_check())

    assert (view.ok, view.lines, view.matched, view.repaired) == (True, 4, 3, 1)


def test_a_mismatch_names_both_sides() -> None:
    view = bill_check_view(a_check(MISMATCH))

    assert not view.ok
    assert view.sample[0].model_dump() == {
        "fault": "not_in_bill",
        "reference": "T1",
        "payment_id": None,
        "order_id": "O1",
        "billed": None,
        "booked": 8800,
    }
