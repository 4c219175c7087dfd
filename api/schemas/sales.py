"""Sales and their items, as buyers and as operators see them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from api.schemas.model import DAY_SECONDS, Amount, Body, Moment, Name, Text, View, such_as
from domain.money import MAX_PAYMENT
from domain.sale import PASS_WINDOW_SECONDS, Admission, Item, LatePaymentPolicy, Sale
from domain.states import SaleStatus

MAX_STOCK = 10**9
MAX_ITEMS = 200
MAX_PER_USER = 1000
MAX_PACE = 1_000_000
MAX_PASS_WINDOW = 900


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
    admission: Admission
    room_opens_at: AwareDatetime
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
    admission: Admission
    room_opens_at: AwareDatetime
    pace_per_minute: int | None
    pass_window_seconds: int
    requires_claim: str | None
    late_payment: LatePaymentPolicy
    version: int = Field(description="one more with each change")
    items: list[OperatorItemView]


class OperatorSalesPage(View):
    sales: list[OperatorSaleView]
    next_cursor: str | None


class NewItemBody(Body):
    sku_id: Name
    title: Text
    list_price: Annotated[int, Field(strict=True, ge=0, le=MAX_PAYMENT)]
    price: Amount
    points_price: Amount | None = None
    currency: Literal["CNY"] = "CNY"
    stock: Annotated[int, Field(strict=True, ge=1, le=MAX_STOCK)]
    per_user_limit: Annotated[int, Field(strict=True, ge=1, le=MAX_PER_USER)] = 1

    @model_validator(mode="after")
    def _can_be_paid(self) -> "NewItemBody":
        """An order of one item is paid at once, so the dearest one must fit into one payment."""
        for name in ("price", "points_price"):
            if (getattr(self, name) or 0) * self.per_user_limit > MAX_PAYMENT:
                raise ValueError(f"{name} times per_user_limit is at most {MAX_PAYMENT}")
        return self


_AN_ITEM = {
    "sku_id": "teapot",
    "title": "A teapot",
    "list_price": 12800,
    "price": 8800,
    "points_price": 880,
    "stock": 100,
    "per_user_limit": 2,
}


class NewSaleBody(Body):
    model_config = such_as(
        name="Autumn sale",
        starts_at="2026-11-11T02:00:00Z",
        ends_at="2026-11-11T16:00:00Z",
        items=[_AN_ITEM],
    )

    name: Text
    starts_at: Moment
    ends_at: Moment
    pay_window_seconds: Annotated[int, Field(strict=True, ge=1, le=7 * DAY_SECONDS)] = 1800
    admission: Admission = Admission.OPEN
    room_opens_at: Moment | None = Field(default=None, description="30 minutes before the start")
    pace_per_minute: Annotated[int, Field(strict=True, ge=1, le=MAX_PACE)] | None = Field(
        default=None, description="so many are called at most"
    )
    pass_window_seconds: Annotated[int, Field(strict=True, ge=1, le=MAX_PASS_WINDOW)] = (
        PASS_WINDOW_SECONDS
    )
    requires_claim: Name | None = Field(
        default=None, description="what a buyer's token has to say is true"
    )
    late_payment: LatePaymentPolicy = LatePaymentPolicy.REFUND
    items: Annotated[list[NewItemBody], Field(min_length=1, max_length=MAX_ITEMS)]

    @model_validator(mode="after")
    def _makes_sense(self) -> "NewSaleBody":
        if self.starts_at >= self.ends_at:
            raise ValueError("starts_at must be before ends_at")
        if self.room_opens_at and self.room_opens_at > self.starts_at:
            raise ValueError("a room opens before the start")
        if len({item.sku_id for item in self.items}) < len(self.items):
            raise ValueError("each sku_id may appear once")
        return self


def sale_view(sale: Sale, remaining: Mapping[str, int], now: datetime) -> SaleView:
    """`remaining`: units left by SKU."""
    return SaleView(
        sale_id=sale.sale_id,
        name=sale.name,
        status=sale.status_at(now),
        starts_at=sale.starts_at,
        ends_at=sale.ends_at,
        server_time=now,
        requires_entry_token=sale.requires_entry_token,
        admission=sale.admission,
        room_opens_at=sale.opens_its_rooms_at,
        items=[
            ItemView(**_item_fields(item), remaining=remaining[item.sku_id]) for item in sale.items
        ],
    )


def operator_sale_view(sale: Sale, remaining: Mapping[str, int], now: datetime) -> OperatorSaleView:
    """`remaining`: units left by SKU, as the gate counts them."""
    return OperatorSaleView(
        sale_id=sale.sale_id,
        name=sale.name,
        status=sale.status_at(now),
        starts_at=sale.starts_at,
        ends_at=sale.ends_at,
        server_time=now,
        created_at=sale.created_at,
        pay_window_seconds=sale.pay_window_seconds,
        requires_entry_token=sale.requires_entry_token,
        admission=sale.admission,
        room_opens_at=sale.opens_its_rooms_at,
        pace_per_minute=sale.pace_per_minute,
        pass_window_seconds=sale.pass_window_seconds,
        requires_claim=sale.requires_claim,
        late_payment=sale.late_payment,
        version=sale.version,
        items=[
            OperatorItemView(
                **_item_fields(item),
                remaining=remaining[item.sku_id],
                item_number=item.item_number,
                stock=item.total,
                available=item.available,
                held=item.held,
                sold=item.sold,
            )
            for item in sale.items
        ],
    )


def etag_of(sale: OperatorSaleView) -> str:
    return f'"{sale.version}"'


_ITEM_FIELDS = frozenset(ItemView.model_fields) - {"remaining"}


def _item_fields(item: Item) -> dict[str, object]:
    return item.model_dump(include=set(_ITEM_FIELDS))
