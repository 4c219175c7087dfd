"""What an operator looks at while a sale is on."""

from pydantic import AwareDatetime

from api.schemas.model import View
from domain.payment import PaymentMethod
from domain.states import OrderStatus, SaleStatus


class LedgerItemView(View):
    """Units, as Postgres has them."""

    total: int
    available: int
    held: int
    sold: int


class RoomView(View):
    """`given`: places given out so far; `serving`: called up to there; `waiting`: units that are
    waited for."""

    given: int
    serving: int
    waiting: int
    is_over: bool


class GateItemView(View):
    """Units, as Redis has them; `held` and `sold` are null where there are too many orders to be
    counted each second, `total` where an earlier release wrote the item. `intents` accepted orders
    wait for their workflow, the first for `oldest_seconds`; `dead` ones cannot be started."""

    stock: int
    total: int | None
    paused: bool
    held: int | None
    sold: int | None
    intents: int
    oldest_seconds: float
    dead: int
    room: RoomView | None


class ItemFiguresView(View):
    sku_id: str
    title: str
    ledger: LedgerItemView | None
    gate: GateItemView | None


class StandingView(View):
    orders: int
    oldest_seconds: float


class MoneyView(View):
    """In minor units; points for `points`."""

    method: PaymentMethod
    currency: str
    received: int
    refunded: int


class OpenAttentionsView(View):
    """`elsewhere`: of no order of this sale."""

    of_sale: int
    elsewhere: int
    oldest_seconds: float | None


class WorkflowsView(View):
    """Of this sale, as Temporal counts them: a moment late."""

    running: int
    need_attention: int


class MissingView(View):
    """A part that is null, and why."""

    part: str
    why: str


class DashboardView(View):
    """At most a second old, or as old as it takes to read. What cannot be read is null, and named
    in `missing`. `orders`, `money` and `refusals` (accepted, then refused) are the ledger's."""

    sale_id: str
    name: str
    status: SaleStatus
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    server_time: AwareDatetime
    items: list[ItemFiguresView]
    orders: dict[OrderStatus, StandingView] | None
    money: list[MoneyView] | None
    refusals: dict[str, int] | None
    attention: OpenAttentionsView | None
    workflows: WorkflowsView | None
    missing: list[MissingView]
