"""A sale that is cancelled: what has to be undone of it, and how far that is."""

from datetime import datetime

from domain.model import Value
from domain.payment import PaymentMethod
from domain.states import OrderStatus

# What is given up while it waits for its payment, and what is given back because it is paid.
TO_GIVE_UP = frozenset({OrderStatus.PENDING_PAYMENT})
TO_GIVE_BACK = frozenset({OrderStatus.PAID, OrderStatus.FULFILLED})


class Cancellation(Value):
    """`begun_at`: its workflow knows of it; `paused_at`: no order is undone meanwhile; `done_at`:
    a whole pass over the orders has found nothing more to do."""

    sale_id: str
    actor: str
    reason: str
    asked_at: datetime
    begun_at: datetime | None = None
    paused_at: datetime | None = None
    done_at: datetime | None = None


class ToGiveBack(Value):
    """Money of one method, in minor units of its currency, or in points. `failed`: it waits for a
    person, because its provider will not give it back."""

    method: PaymentMethod
    currency: str
    to_do: int
    done: int
    failed: int


class CancellationProgress(Value):
    """Orders that held or owned stock when the sale was cancelled, or came to it after that:
    `to_do` are not undone yet, and `failed` wait for a person."""

    to_do: int
    done: int
    failed: int
    money: tuple[ToGiveBack, ...] = ()
