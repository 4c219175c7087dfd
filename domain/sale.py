"""A sale: one event with a window and items, each in limited stock."""

from datetime import datetime
from enum import StrEnum

from domain.model import Value
from domain.states import SaleStatus


class LatePaymentPolicy(StrEnum):
    """What to do with money that arrives after the order was given up."""

    REFUND = "refund"
    HONOUR = "honour"


class ItemRef(Value):
    """Names one item of one sale; every Redis key and every stock row hangs on it."""

    sale_id: str
    sku_id: str


class Item(Value):
    """One thing sold in a sale. Prices in minor units, points in whole points."""

    item_number: int
    sale_id: str
    sku_id: str
    title: str
    list_price: int
    price: int
    points_price: int | None
    currency: str
    per_user_limit: int
    total: int
    available: int
    held: int
    sold: int

    @property
    def ref(self) -> ItemRef:
        return ItemRef(sale_id=self.sale_id, sku_id=self.sku_id)


class Sale(Value):
    sale_id: str
    name: str
    status: SaleStatus
    starts_at: datetime
    ends_at: datetime
    pay_window_seconds: int
    requires_entry_token: bool
    late_payment: LatePaymentPolicy
    created_at: datetime
    items: tuple[Item, ...]

    def status_at(self, now: datetime) -> SaleStatus:
        """The status a buyer sees: a published sale opens and closes by the clock alone."""
        if self.status not in (SaleStatus.PUBLISHED, SaleStatus.OPEN, SaleStatus.PAUSED):
            return self.status
        if now >= self.ends_at:
            return SaleStatus.CLOSED
        if self.status is SaleStatus.PUBLISHED and now >= self.starts_at:
            return SaleStatus.OPEN
        return self.status


class ItemTerms(Value):
    """What the gate must know of an item to accept an order without Postgres."""

    item_number: int
    sale_id: str
    sku_id: str
    starts_at_ms: int
    ends_at_ms: int
    per_user_limit: int
    paused: bool
    requires_entry_token: bool

    @property
    def ref(self) -> ItemRef:
        return ItemRef(sale_id=self.sale_id, sku_id=self.sku_id)


class NewItem(Value):
    sku_id: str
    title: str
    list_price: int
    price: int
    points_price: int | None = None
    currency: str = "CNY"
    stock: int
    per_user_limit: int = 1


class NewSale(Value):
    """What an operator says to create a sale."""

    name: str
    starts_at: datetime
    ends_at: datetime
    pay_window_seconds: int = 1800
    requires_entry_token: bool = False
    late_payment: LatePaymentPolicy = LatePaymentPolicy.REFUND
    items: tuple[NewItem, ...]
