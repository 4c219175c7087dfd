"""A sale: one event with a window and items, each in limited stock."""

from datetime import datetime
from enum import StrEnum

from domain.model import Value
from domain.states import AT_THE_GATE, SELLING, SaleStatus


class LatePaymentPolicy(StrEnum):
    """What to do with money that arrives after the order was given up."""

    REFUND = "refund"
    HONOUR = "honour"


class ItemRef(Value):
    """Names one item of one sale; every Redis key and every stock row hangs on it."""

    sale_id: str
    sku_id: str


class Item(Value):
    """One thing sold in a sale. Prices in minor units, points in whole points. `retired_at`: from
    then on the gate need not know it, for nothing of it is open any more."""

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
    retired_at: datetime | None = None

    @property
    def ref(self) -> ItemRef:
        return ItemRef(sale_id=self.sale_id, sku_id=self.sku_id)


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
        # No job opens or closes a sale: one that came late would keep a whole crowd waiting.
        if self.status not in AT_THE_GATE:
            return self.status
        if now >= self.ends_at:
            return SaleStatus.CLOSED
        if self.status is SaleStatus.PUBLISHED and now >= self.starts_at:
            return SaleStatus.OPEN
        return self.status

    def item(self, sku_id: str) -> Item | None:
        return next((item for item in self.items if item.sku_id == sku_id), None)

    def terms_of(self, item: Item) -> ItemTerms:
        """What the gate is told of one of its items."""
        return ItemTerms(
            item_number=item.item_number,
            sale_id=self.sale_id,
            sku_id=item.sku_id,
            starts_at_ms=_milliseconds(self.starts_at),
            ends_at_ms=_milliseconds(self.ends_at),
            per_user_limit=item.per_user_limit,
            # Not only PAUSED: a sale that was cancelled or settled inside its window must not
            # sell again because its books were written anew.
            paused=self.status not in SELLING,
            requires_entry_token=self.requires_entry_token,
        )


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
    # By default nobody's stock is sold to somebody who came too late for it.
    late_payment: LatePaymentPolicy = LatePaymentPolicy.REFUND
    items: tuple[NewItem, ...]


def _milliseconds(moment: datetime) -> int:
    """As Redis says its own time, which is the clock the gate goes by."""
    return int(moment.timestamp() * 1000)
