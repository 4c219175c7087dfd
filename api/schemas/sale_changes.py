"""What of a sale an operator changes while it runs."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, model_validator

from api.schemas.model import (
    DAY_SECONDS,
    Amount,
    Body,
    Moment,
    Name,
    Note,
    Reason,
    Text,
    View,
    such_as,
)
from api.schemas.problems import without_default
from api.schemas.sales import (
    MAX_ITEMS,
    MAX_PACE,
    MAX_PER_USER,
    MAX_STOCK,
    OperatorSaleView,
    operator_sale_view,
)
from domain.money import MAX_PAYMENT
from domain.sale import LatePaymentPolicy, Sale
from domain.sale_change import SaleChange, what_changed

# Left out it stays as it is, and there is nothing else that could stand for that.
Left: Any = Field(default=None, json_schema_extra=without_default)


class ItemChangeBody(Body):
    """Left out, it stays as it is. Prices are those of a draft."""

    model_config = such_as(sku_id="teapot", title="A larger teapot", per_user_limit=3)

    sku_id: Name
    title: Annotated[Text, Left]
    per_user_limit: Annotated[int, Field(strict=True, ge=1, le=MAX_PER_USER), Left]
    list_price: Annotated[int, Field(strict=True, ge=0, le=MAX_PAYMENT), Left]
    price: Annotated[Amount, Left]
    points_price: Annotated[Amount | None, Left]


class SaleChangeBody(Body):
    """Left out, it stays as it is."""

    model_config = such_as(
        ends_at="2026-11-11T18:00:00Z",
        items=[{"sku_id": "teapot", "per_user_limit": 3}],
        reason="two hours more",
    )

    name: Annotated[Text, Left]
    starts_at: Annotated[Moment, Left]
    ends_at: Annotated[Moment, Left]
    pay_window_seconds: Annotated[int, Field(strict=True, ge=1, le=7 * DAY_SECONDS), Left]
    late_payment: Annotated[LatePaymentPolicy, Left]
    pace_per_minute: Annotated[Annotated[int, Field(strict=True, ge=1, le=MAX_PACE)] | None, Left]
    items: Annotated[tuple[ItemChangeBody, ...], Field(max_length=MAX_ITEMS)] = ()
    reason: Note = ""

    @model_validator(mode="after")
    def _says_each_item_once(self) -> "SaleChangeBody":
        if len({item.sku_id for item in self.items}) < len(self.items):
            raise ValueError("each sku_id may appear once")
        return self

    def change(self) -> SaleChange:
        sale = self.model_dump(exclude_unset=True, exclude={"items", "reason"})
        items = {
            item.sku_id: item.model_dump(exclude_unset=True, exclude={"sku_id"})
            for item in self.items
        }
        return SaleChange(sale=sale, items=items)


class RestockBody(Body):
    model_config = such_as(quantity=20, reason="a late delivery")

    quantity: Annotated[int, Field(strict=True, ge=-MAX_STOCK, le=MAX_STOCK)] = Field(
        description="units to add; below zero, to take back"
    )
    reason: Reason

    @model_validator(mode="after")
    def _moves_something(self) -> "RestockBody":
        if self.quantity == 0:
            raise ValueError("quantity is above or below zero")
        return self


class ChangeView(View):
    """`member`: as in `ends_at`, or `items.teapot.title`."""

    member: str
    before: str | int | AwareDatetime | None
    after: str | int | AwareDatetime | None


class ChangedSaleView(OperatorSaleView):
    changed: list[ChangeView]


def changed_sale_view(before: Sale, after: Sale) -> ChangedSaleView:
    left = {item.sku_id: item.available for item in after.items}
    view = operator_sale_view(after, left, datetime.now(UTC))
    changed = [ChangeView.model_validate(one.model_dump()) for one in what_changed(before, after)]
    return ChangedSaleView(**view.model_dump(), changed=changed)
