"""What goes in and out over HTTP, as the contract names it."""

from typing import Annotated, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from domain.delivery import DeliveryKind
from domain.ids import NAME_PATTERN
from domain.payment import PaymentMethod, PaymentScene, QrAction, RedirectAction
from domain.refund import RefundReason
from domain.states import (
    DeliveryStatus,
    OrderStatus,
    PaymentStatus,
    RefundStatus,
    SaleStatus,
)

# No control characters: they mean nothing to a person, and Postgres refuses NUL.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$"
DAY_SECONDS = 86_400

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PRINTABLE)]
Note = Annotated[str, StringConstraints(max_length=500, pattern=PRINTABLE)]
UserId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=PRINTABLE)]


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


class RefundView(View):
    refund_id: str
    status: RefundStatus
    amount: int


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
