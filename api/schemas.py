"""What goes in and out over HTTP, as the contract names it."""

from typing import Annotated, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from domain.attention import AttentionKind
from domain.delivery import DeliveryKind
from domain.ids import NAME_PATTERN
from domain.notice import NoticeKind, Verdict
from domain.payment import PaymentMethod, PaymentScene, QrAction, RedirectAction
from domain.refund import RefundReason
from domain.sale import LatePaymentPolicy
from domain.states import (
    DeliveryStatus,
    OrderStatus,
    PaymentStatus,
    RefundStatus,
    SaleStatus,
)

# No control characters: they mean nothing to a person, and Postgres refuses NUL.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$"
MAX_MONEY = 10**12
MAX_STOCK = 10**9
MAX_ITEMS = 200
MAX_PER_USER = 1000
DAY_SECONDS = 86_400

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PRINTABLE)]
Note = Annotated[str, StringConstraints(max_length=500, pattern=PRINTABLE)]
UserId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=PRINTABLE)]
Money = Annotated[int, Field(strict=True, ge=0, le=MAX_MONEY)]


class Body(BaseModel):
    model_config = ConfigDict(frozen=True)


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class Problem(View):
    """Every answer that is not a success. Some codes add members of their own."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str


# Sales


class ItemView(View):
    sku_id: str
    title: str
    list_price: int
    price: int
    points_price: int | None
    currency: str
    per_user_limit: int
    remaining: int


class SaleView(View):
    sale_id: str
    name: str
    status: SaleStatus
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    server_time: AwareDatetime
    requires_entry_token: bool
    items: list[ItemView]


class SalesPage(View):
    sales: list[SaleView]
    next_cursor: str | None


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


# Orders


class AcceptedView(View):
    order_id: str
    status: Literal["queued"]


class PaymentSummary(View):
    payment_id: str
    method: PaymentMethod
    status: PaymentStatus
    out_trade_no: str
    trade_no: str | None
    amount: int
    paid_at: AwareDatetime | None


class RefundSummary(View):
    refund_id: str
    status: RefundStatus
    amount: int
    reason: RefundReason


class DeliveryView(View):
    kind: DeliveryKind
    status: DeliveryStatus
    attempts: int
    detail: str


class TimelineEntry(View):
    at: AwareDatetime
    event: str
    detail: str


class OrderSummary(View):
    order_id: str
    status: OrderStatus
    reason: str | None
    sale_id: str
    sku_id: str
    user_id: str
    quantity: int
    amount: int | None = Field(description="null only while the order waits and no price is known")
    currency: str | None
    created_at: AwareDatetime
    pay_deadline: AwareDatetime | None


class OrderView(OrderSummary):
    payment: PaymentSummary | None
    refunds: list[RefundSummary]
    deliveries: list[DeliveryView]
    timeline: list[TimelineEntry]


class OrdersPage(View):
    orders: list[OrderSummary]
    next_cursor: str | None


class PaymentBody(Body):
    method: PaymentMethod
    scene: PaymentScene | None = Field(
        default=None, description="page: a cashier in the browser; qr: a code to scan"
    )


class PaymentView(View):
    payment_id: str
    method: PaymentMethod
    status: PaymentStatus
    out_trade_no: str
    expires_at: AwareDatetime
    action: RedirectAction | QrAction | None


class ReasonBody(Body):
    reason: Note = ""


class ExtendBody(ReasonBody):
    seconds: Annotated[int, Field(strict=True, ge=1, le=7 * DAY_SECONDS)]


# Operators


class ActorTimelineEntry(TimelineEntry):
    actor: str


class OperatorOrderView(OrderView):
    """The buyer's view, and who did what."""

    payments: list[PaymentSummary]
    timeline: list[ActorTimelineEntry]  # type: ignore[assignment]


class AttentionView(View):
    kind: AttentionKind
    subject: str
    order_id: str | None
    what: str
    advice: str
    raised_at: AwareDatetime


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
    audits: list[AuditView]
    next_cursor: str | None


# Operations


class DevTokenBody(Body):
    user_id: UserId
    roles: Annotated[list[Name], Field(max_length=10)] = []


class DevTokenView(View):
    token: str


class Health(View):
    status: Literal["ok"] = "ok"


class DependencyHealth(View):
    """`needed`: without it this process can accept no order."""

    ok: bool
    needed: bool
    detail: str


class Readiness(View):
    ok: bool
    dependencies: dict[str, DependencyHealth]
