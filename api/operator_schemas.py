"""What operators send and see."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from api.schemas import (
    DAY_SECONDS,
    Body,
    ItemView,
    Name,
    Note,
    OrderView,
    PaymentSummary,
    ReasonBody,
    Text,
    TimelineEntry,
    View,
)
from domain.attention import AttentionKind
from domain.notice import NoticeKind, Verdict
from domain.payment import PaymentMethod
from domain.sale import LatePaymentPolicy
from domain.states import SaleStatus

MAX_MONEY = 10**12
MAX_STOCK = 10**9
MAX_ITEMS = 200
MAX_PER_USER = 1000

Money = Annotated[int, Field(strict=True, ge=0, le=MAX_MONEY)]


class OperatorItemView(ItemView):
    item_number: int
    stock: int
    available: int
    held: int
    sold: int


class OperatorSaleView(View):
    sale_id: str
    name: str
    status: SaleStatus
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    server_time: AwareDatetime
    created_at: AwareDatetime
    pay_window_seconds: int
    requires_entry_token: bool
    late_payment: LatePaymentPolicy
    items: list[OperatorItemView]


class OperatorSalesPage(View):
    sales: list[OperatorSaleView]
    next_cursor: str | None


class NewItemBody(Body):
    sku_id: Name
    title: Text
    list_price: Money
    price: Annotated[int, Field(strict=True, ge=1, le=MAX_MONEY)]
    points_price: Annotated[int, Field(strict=True, ge=1, le=MAX_MONEY)] | None = None
    currency: Literal["CNY"] = "CNY"
    stock: Annotated[int, Field(strict=True, ge=1, le=MAX_STOCK)]
    per_user_limit: Annotated[int, Field(strict=True, ge=1, le=MAX_PER_USER)] = 1


class NewSaleBody(Body):
    name: Text
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    pay_window_seconds: Annotated[int, Field(strict=True, ge=1, le=7 * DAY_SECONDS)] = 1800
    requires_entry_token: Annotated[bool, Field(strict=True)] = False
    late_payment: LatePaymentPolicy = LatePaymentPolicy.REFUND
    items: Annotated[list[NewItemBody], Field(min_length=1, max_length=MAX_ITEMS)]

    @model_validator(mode="after")
    def _makes_sense(self) -> "NewSaleBody":
        if self.starts_at >= self.ends_at:
            raise ValueError("starts_at must be before ends_at")
        if len({item.sku_id for item in self.items}) < len(self.items):
            raise ValueError("each sku_id may appear once")
        return self


class RefundBody(ReasonBody):
    amount: Annotated[int, Field(strict=True, ge=1, le=MAX_MONEY)] | None = Field(
        default=None, description="null: all that is left, which undoes the order"
    )


class ExtendBody(ReasonBody):
    seconds: Annotated[int, Field(strict=True, ge=1, le=7 * DAY_SECONDS)]


class DecisionBody(Body):
    """What is decided is put on record, and so needs a reason."""

    reason: Annotated[Note, Field(min_length=1)]


class ActorTimelineEntry(TimelineEntry):
    actor: str


class OperatorOrderView(OrderView):
    """The buyer's view, and who did what."""

    payments: list[PaymentSummary]
    timeline: list[ActorTimelineEntry]  # type: ignore[assignment]


class AttentionView(View):
    attention_id: int
    kind: AttentionKind
    subject: str
    order_id: str | None
    what: str
    advice: str
    raised_at: AwareDatetime
    resolved_at: AwareDatetime | None
    resolved_by: str | None
    resolution: str


class AttentionPage(View):
    attention: list[AttentionView]
    next_cursor: str | None


class NoticeView(View):
    notice_id: str
    method: PaymentMethod
    provider_notice_id: str
    kind: NoticeKind
    verdict: Verdict
    payment_id: str | None
    order_id: str | None
    trade_no: str | None
    amount: int | None
    received_at: AwareDatetime
    handled_at: AwareDatetime | None
    handled_as: str | None


class NoticesPage(View):
    notices: list[NoticeView]
    next_cursor: str | None


class CheckView(View):
    code: str
    ok: bool
    detail: str
    orders: list[str]


class AuditView(View):
    audit_id: str
    ok: bool
    started_at: AwareDatetime
    finished_at: AwareDatetime
    checks: list[CheckView]


class AuditsPage(View):
    """`ok` and `checks` are those of the first report listed; null and none before any audit."""

    ok: bool | None
    checks: list[CheckView]
    audits: list[AuditView]
    next_cursor: str | None
