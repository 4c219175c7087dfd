"""Whether an order may still be paid, decided under its row: begin and closing exclude each other.

A workflow that remembers which payments are open cannot see one that was begun without it. So both
ask here, and whoever comes second finds what the first has done.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.order import EventKind, Order
from domain.payment import ASK_AFTER, Payment, PaymentMethod, PaymentScene, payment_id_for
from domain.states import OrderStatus, PaymentStatus, SaleStatus
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from infra.postgres.tables.orders import orders
from infra.postgres.tables.sales import sales


@dataclass(frozen=True)
class NextPayment:
    """What a buyer who asks to pay is answered: the payment that stands, or else the number under
    which the next one is written."""

    standing: Payment | None
    payment_id: str
    # Its workflow asks Postgres which payments are open, so it need not be told of this one.
    may_be_begun_ahead: bool = False


@dataclass(frozen=True)
class ClosingOrder:
    """`status`: the order's now, None for an unknown one. `open_payments`: those that may still
    take money, and after which none is begun any more if the order waited for its payment."""

    status: OrderStatus | None
    open_payments: tuple[Payment, ...] = ()


class PayableOrders:
    """Within the transaction of `connection`, which must be short: it holds the order's row."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def hold(self, order_id: str, now: datetime) -> Order | None:
        """The order, if a payment may be begun: then nobody begins another, closes, ends or
        settles it until this transaction ends. None otherwise."""
        query = (
            select(orders)
            .where(
                orders.c.order_id == order_id,
                orders.c.status == OrderStatus.PENDING_PAYMENT,
                orders.c.closing_at.is_(None),
                orders.c.pay_deadline > now,
                # All at once: to mark each of its orders would take a large sale too long.
                ~exists().where(
                    sales.c.sale_id == orders.c.sale_id, sales.c.status == SaleStatus.CANCELLED
                ),
            )
            # Not FOR UPDATE: a row of `payments` refers to this one, and must not wait for it.
            .with_for_update(key_share=True)
        )
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return Order.model_validate(row) if row else None

    async def next_payment(
        self, order_id: str, method: PaymentMethod, scene: PaymentScene, now: datetime
    ) -> NextPayment:
        """For an order that is held. A payment that nobody has an action of may have been asked
        of its provider, so it stands as well, under its number."""
        # Read after the lock: by a query that waited for it, the other's payment is not seen.
        begun = await Payments(self._connection).of_order(order_id)
        standing = [
            payment
            for payment in begun
            if (payment.method, payment.scene) == (method, scene)
            and payment.status is PaymentStatus.CREATED
            and payment.expires_at > now
        ]
        if standing:
            return NextPayment(standing[-1], standing[-1].payment_id)
        taken = {payment.payment_id for payment in begun}
        attempt = 1 + sum(payment.method is method for payment in begun)
        while (number := payment_id_for(order_id, method, attempt)) in taken:
            attempt += 1
        marked = select(orders.c.ahead).where(orders.c.order_id == order_id)
        ahead = bool((await self._connection.execute(marked)).scalar_one())
        return NextPayment(None, number, ahead)

    async def begin(self, payment: Payment, actor: str) -> bool:
        """Write a payment of an order that is held, under the number that is next; False if that
        was taken meanwhile. No workflow watches it, so its provider is asked after it by rounds."""
        ask_at = payment.created_at + ASK_AFTER[0]
        if not await Payments(self._connection).insert(payment, ask_at=ask_at):
            return False
        await Orders(self._connection).record(
            payment.order_id, EventKind.PAYMENT_BEGUN, actor, payment.method
        )
        return True

    async def close(self, order_id: str) -> ClosingOrder:
        """From now on no payment of the order is begun; again it changes nothing. An order that
        does not wait for its payment is not marked, for none is begun of it anyway."""
        query = (
            update(orders)
            .where(orders.c.order_id == order_id, orders.c.status == OrderStatus.PENDING_PAYMENT)
            .values(closing_at=func.coalesce(orders.c.closing_at, func.now()))
            .returning(orders.c.status)
        )
        status = (await self._connection.execute(query)).scalar_one_or_none()
        if status is None:
            seen = select(orders.c.status).where(orders.c.order_id == order_id)
            status = (await self._connection.execute(seen)).scalar_one_or_none()
        if status is None:
            return ClosingOrder(None)
        # A second query: whoever was just beginning one had the row, and is seen only now.
        begun = await Payments(self._connection).of_order(order_id)
        still_open = tuple(one for one in begun if one.status is PaymentStatus.CREATED)
        return ClosingOrder(OrderStatus(status), still_open)
