"""What the crowd reads in answers: the fields of the HTTP contract it needs, no more."""

from pydantic import AwareDatetime

from domain.audit import Check
from domain.model import Value
from domain.payment import PaymentMethod
from domain.room import RoomPhase, ShownTicketState
from domain.states import OrderStatus, PaymentStatus


class SeenPayment(Value):
    payment_id: str
    method: PaymentMethod
    status: PaymentStatus
    amount: int


class SeenOrder(Value):
    order_id: str
    status: OrderStatus
    reason: str | None = None
    amount: int | None = None
    pay_deadline: AwareDatetime | None = None
    payment: SeenPayment | None = None


class SeenOrders(Value):
    orders: tuple[SeenOrder, ...]
    next_cursor: str | None = None


class SeenSale(Value):
    sale_id: str
    server_time: AwareDatetime


class SeenRoom(Value):
    """What everybody may see."""

    state: RoomPhase
    serving: int
    waiting: int = 0


class SeenTicket(Value):
    """One's own place; none in a draw's pool."""

    state: ShownTicketState
    index: int
    leaf: str
    place: int | None
    serving: int


class SeenPass(Value):
    token: str
    order_id: str
    expires_at: AwareDatetime


class Action(Value):
    """`url` only where the buyer is sent to a page; a code to scan has none."""

    type: str
    url: str = ""


class Checkout(Value):
    """A payment begun: where the buyer must go to pay it."""

    payment_id: str
    out_trade_no: str
    action: Action | None = None


class SeenAudit(Value):
    ok: bool
    checks: tuple[Check, ...]


class Token(Value):
    token: str
