"""What came of a sale: its report, in versions, for money may go back long after its end."""

from datetime import datetime

from domain.model import Value
from domain.payment import PaymentMethod
from domain.states import SaleStatus

# An operator who finds more than these looks at the lists themselves.
MOST_NAMED = 50


class ReportedItem(Value):
    """Units. `sold` are those that are sold now; `returned` were sold and came back by refunds;
    `restocked` were added by hand, and are part of `total`."""

    sku_id: str
    title: str
    total: int
    sold: int
    unsold: int
    returned: int
    restocked: int


class MoneyOfMethod(Value):
    """Of one method, in minor units of its currency, or in points: all that came, and all that
    went back."""

    method: PaymentMethod
    currency: str
    received: int
    refunded: int


class ReportedRoom(Value):
    """Tickets of one item's room, by what became of them."""

    sku_id: str
    tickets: int
    states: dict[str, int]


class SaleFigures(Value):
    """`orders`: how many are in which status. `refusals`: those that were accepted at the gate and
    not placed, by their reason."""

    items: tuple[ReportedItem, ...]
    money: tuple[MoneyOfMethod, ...]
    orders: dict[str, int]
    refusals: dict[str, int]
    rooms: tuple[ReportedRoom, ...]


class StillOpen(Value):
    """What the report did not wait for: how many, and some by their names."""

    deliveries: int = 0
    refunds: int = 0
    attentions: int = 0
    orders_with_deliveries: tuple[str, ...] = ()
    refund_ids: tuple[str, ...] = ()
    attention_ids: tuple[int, ...] = ()


class EndVerdict(Value):
    """What the audit found at the sale's end: `broken` names the lines that it could not prove."""

    audit_id: str
    ok: bool
    broken: tuple[str, ...] = ()


class SaleReport(Value):
    sale_id: str
    version: int
    made_at: datetime
    status: SaleStatus
    figures: SaleFigures
    still_open: StillOpen
    # None where no audit could be made.
    verdict: EndVerdict | None = None
