"""Bill reconciliation as operators ask for it and see it."""

from datetime import date

from pydantic import AwareDatetime

from api.schemas.model import Body, Day, View, such_as
from domain.bill import BillCheck, BillFault
from domain.payment import PaymentMethod


class BillsBody(Body):
    """`day` as the provider counts it, in Asia/Shanghai; without `method`, every provider's."""

    model_config = such_as(day="2026-11-11", method="alipay")

    day: Day
    method: PaymentMethod | None = None


class BillMismatchView(View):
    """`billed` and `booked`: the provider's amount and ours in minor units, null where a side
    has none. `reference`: the trade number or the refund's number; for rows of others, how
    many they are and some of them."""

    fault: BillFault
    reference: str
    payment_id: str | None
    order_id: str | None
    billed: int | None
    booked: int | None


class BillCheckView(View):
    """`repaired`: payments whose notice was missed and whose orders have them now. Each mismatch
    is an attention; `sample` shows the first of them."""

    method: PaymentMethod
    day: date
    ok: bool
    checked_at: AwareDatetime
    lines: int
    matched: int
    repaired: int
    mismatches: int
    sample: list[BillMismatchView]


class ReconciliationView(View):
    """`checks` is empty until `finished`."""

    workflow_id: str
    day: date
    finished: bool
    checks: list[BillCheckView]


class BillsPage(View):
    bills: list[BillCheckView]
    next_cursor: str | None


def bill_check_view(check: BillCheck) -> BillCheckView:
    return BillCheckView.model_validate({**check.model_dump(), "ok": check.ok})
