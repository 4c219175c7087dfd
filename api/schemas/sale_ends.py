"""How sales end, as operators see it: cancellations and reports."""

from typing import Literal

from pydantic import AwareDatetime, Field

from api.schemas.model import DecisionBody, View, such_as
from domain.payment import PaymentMethod
from domain.sale_cancellation import Cancellation, CancellationProgress
from domain.sale_report import SaleReport
from domain.states import SaleStatus


class CancelSaleBody(DecisionBody):
    model_config = such_as(reason="the maker cannot deliver")


class OrdersToUndoView(View):
    to_do: int
    done: int
    failed: int = Field(description="their refunds wait for a person")


class MoneyToGiveBackView(View):
    """In minor units of the currency, or in points."""

    method: PaymentMethod
    currency: str
    to_do: int
    done: int
    failed: int


class CancellationView(View):
    """`status`: the sale's, as every command to one is answered."""

    sale_id: str
    status: SaleStatus
    state: Literal["asked", "undoing", "paused", "done"]
    reason: str
    asked_by: str
    asked_at: AwareDatetime
    paused_at: AwareDatetime | None
    orders: OrdersToUndoView
    money: list[MoneyToGiveBackView]


class ReportedItemView(View):
    """In units; `restocked` ones are part of `total`."""

    sku_id: str
    title: str
    total: int
    sold: int
    unsold: int
    returned: int
    restocked: int


class ReportedMoneyView(View):
    """In minor units of the currency, or in points."""

    method: PaymentMethod
    currency: str
    received: int
    refunded: int


class ReportedRoomView(View):
    sku_id: str
    tickets: int
    states: dict[str, int]


class EndVerdictView(View):
    audit_id: str
    ok: bool
    broken: list[str]


class StillOpenView(View):
    deliveries: int
    refunds: int
    attentions: int
    orders_with_deliveries: list[str]
    refund_ids: list[str]
    attention_ids: list[int]


_A_REPORT = {
    "sale_id": "s-20261111",
    "version": 2,
    "made_at": "2026-11-12T02:00:00Z",
    "status": "settled",
    "items": [
        {
            "sku_id": "teapot",
            "title": "A teapot",
            "total": 100,
            "sold": 99,
            "unsold": 1,
            "returned": 1,
            "restocked": 0,
        }
    ],
    "money": [{"method": "alipay", "currency": "CNY", "received": 880000, "refunded": 8800}],
    "orders": {"fulfilled": 99, "refunded": 1, "rejected": 3},
    "refusals": {"limit_reached": 3},
    "rooms": [],
    "audit": {"audit_id": "20261111T163000-1a2b3c4d", "ok": True, "broken": []},
    "still_open": {
        "deliveries": 0,
        "refunds": 0,
        "attentions": 0,
        "orders_with_deliveries": [],
        "refund_ids": [],
        "attention_ids": [],
    },
}


class SaleReportView(View):
    model_config = such_as(**_A_REPORT)

    sale_id: str
    version: int
    made_at: AwareDatetime
    status: SaleStatus
    items: list[ReportedItemView]
    money: list[ReportedMoneyView]
    orders: dict[str, int] = Field(description="how many are in which status")
    refusals: dict[str, int] = Field(
        description="accepted at the gate and not placed, by their reason"
    )
    rooms: list[ReportedRoomView]
    audit: EndVerdictView | None = Field(description="what was found at the sale's end")
    still_open: StillOpenView


def cancellation_view(
    cancellation: Cancellation, progress: CancellationProgress
) -> CancellationView:
    state: Literal["asked", "undoing", "paused", "done"] = "undoing"
    if cancellation.paused_at:
        state = "paused"
    elif cancellation.begun_at is None:
        state = "asked"
    elif cancellation.done_at and not progress.to_do:
        state = "done"
    return CancellationView(
        status=SaleStatus.CANCELLED,
        sale_id=cancellation.sale_id,
        state=state,
        reason=cancellation.reason,
        asked_by=cancellation.actor,
        asked_at=cancellation.asked_at,
        paused_at=cancellation.paused_at,
        orders=OrdersToUndoView(to_do=progress.to_do, done=progress.done, failed=progress.failed),
        money=[MoneyToGiveBackView(**money.model_dump()) for money in progress.money],
    )


def sale_report_view(report: SaleReport) -> SaleReportView:
    verdict = report.verdict
    return SaleReportView.model_validate(
        {
            **report.figures.model_dump(),
            "sale_id": report.sale_id,
            "version": report.version,
            "made_at": report.made_at,
            "status": report.status,
            "audit": verdict.model_dump() if verdict else None,
            "still_open": report.still_open.model_dump(),
        }
    )
