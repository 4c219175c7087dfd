"""A sale: one event with a window and items, each in limited stock."""

from datetime import datetime, timedelta
from enum import StrEnum

from domain.model import Value
from domain.states import AT_THE_GATE, SaleStatus


class LatePaymentPolicy(StrEnum):
    """What to do with money that arrives after the order was given up."""

    REFUND = "refund"
    HONOUR = "honour"


class Admission(StrEnum):
    """Who may order once a sale has started: whoever clicks; who is called, in the order of coming
    to the room; or in an order that is drawn by lot among who is there at the start."""

    OPEN = "open"
    QUEUE = "queue"
    DRAW = "draw"


ROOM_OPENS_BEFORE = timedelta(minutes=30)
PASS_WINDOW_SECONDS = 180
# Its orders are a preflight's: it stands for ever, and is shown and reported nowhere.
PRACTICE_SALE_ID = "practice-sale"


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
    """What the gate must know of an item to accept an order without Postgres. `drawn`: places in
    its room are drawn by lot. `pace_per_minute`: so many are called at most; 0 is no limit.
    `requires_claim`: what a buyer's token has to claim; empty for nothing. `version`: the sale's,
    by which the gate tells what is newer."""

    item_number: int
    sale_id: str
    sku_id: str
    starts_at_ms: int
    ends_at_ms: int
    per_user_limit: int
    paused: bool
    requires_entry_token: bool
    # A release that knew no rooms wrote down none of these.
    drawn: bool = False
    room_opens_at_ms: int = 0
    pace_per_minute: int = 0
    pass_window_seconds: int = PASS_WINDOW_SECONDS
    requires_claim: str = ""
    version: int = 1

    @property
    def ref(self) -> ItemRef:
        return ItemRef(sale_id=self.sale_id, sku_id=self.sku_id)

    @property
    def admission(self) -> Admission:
        if not self.requires_entry_token:
            return Admission.OPEN
        return Admission.DRAW if self.drawn else Admission.QUEUE


class Sale(Value):
    sale_id: str
    name: str
    status: SaleStatus
    starts_at: datetime
    ends_at: datetime
    pay_window_seconds: int
    late_payment: LatePaymentPolicy
    created_at: datetime
    items: tuple[Item, ...]
    admission: Admission = Admission.OPEN
    # None: the usual time before the start.
    room_opens_at: datetime | None = None
    pace_per_minute: int | None = None
    pass_window_seconds: int = PASS_WINDOW_SECONDS
    requires_claim: str | None = None
    # One more with each change that the gate has to follow.
    version: int = 1

    @property
    def requires_entry_token(self) -> bool:
        return self.admission is not Admission.OPEN

    @property
    def opens_its_rooms_at(self) -> datetime:
        """Where everybody may click, a room is for who comes when nothing is left."""
        if self.admission is Admission.OPEN:
            return self.starts_at
        return self.room_opens_at or self.starts_at - ROOM_OPENS_BEFORE

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
            ends_at_ms=_milliseconds(self._stops_selling_at),
            per_user_limit=item.per_user_limit,
            paused=self.status is SaleStatus.PAUSED,
            requires_entry_token=self.requires_entry_token,
            drawn=self.admission is Admission.DRAW,
            room_opens_at_ms=_milliseconds(self.opens_its_rooms_at),
            pace_per_minute=self.pace_per_minute or 0,
            pass_window_seconds=self.pass_window_seconds,
            requires_claim=self.requires_claim or "",
            version=self.version,
        )

    @property
    def _stops_selling_at(self) -> datetime:
        # A window of nothing: a sale that was cancelled inside its window must not sell again
        # because its books were written anew.
        never = self.status in (SaleStatus.DRAFT, SaleStatus.CANCELLED)
        return min(self.starts_at, self.ends_at) if never else self.ends_at


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
    admission: Admission = Admission.OPEN
    room_opens_at: datetime | None = None
    pace_per_minute: int | None = None
    pass_window_seconds: int = PASS_WINDOW_SECONDS
    requires_claim: str | None = None
    # By default nobody's stock is sold to somebody who came too late for it.
    late_payment: LatePaymentPolicy = LatePaymentPolicy.REFUND
    items: tuple[NewItem, ...]


def _milliseconds(moment: datetime) -> int:
    """As Redis says its own time, which is the clock the gate goes by."""
    return int(moment.timestamp() * 1000)
