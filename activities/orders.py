"""Orders in Postgres, as the order saga sees them: each activity is one transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities.giving_back import GivingBack
from activities.rejections import told_to_buyer, write_rejection
from domain.actors import SYSTEM
from domain.attention import AttentionKind
from domain.model import Value
from domain.order import EventKind, Order, RejectReason
from domain.payment import Payment
from domain.reservation import Intent, StockReturn
from domain.states import HOLDING_STOCK, OWNING_STOCK, OrderStatus, PaymentStatus, SaleStatus
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.flights.ending import ENDS, EndingFlights, OrderEnd
from infra.postgres.hot_path import HotPath, PlacingRefused
from infra.postgres.orders import Orders
from infra.postgres.payable_orders import PayableOrders
from infra.postgres.payments import Payments
from infra.postgres.sales import Sales
from infra.postgres.stock import Stock


class PlaceOrder(Value):
    intent: Intent
    placed_at: datetime


class PlacedOrder(Value):
    """The order to be paid, or why there is none. `points_amount` is what it costs in points.
    An earlier run of the order's workflow has begun `begun_payments`, of which `open_payments` may
    still be paid. `is_given_back`: it has ended, and Redis has its stock again."""

    order: Order | None = None
    title: str = ""
    points_amount: int | None = None
    open_payments: tuple[Payment, ...] = ()
    begun_payments: tuple[str, ...] = ()
    rejected: RejectReason | None = None
    is_given_back: bool = False

    @property
    def refused(self) -> RejectReason | None:
        """Why there is no order; None when there is one."""
        return None if self.order else self.rejected or RejectReason.SOLD_OUT

    @property
    def to_pay(self) -> Order:
        """The order. Raises LookupError when there is none."""
        if self.order is None:
            raise LookupError(f"the order was not placed: {self.refused}")
        return self.order

    @property
    def deadline(self) -> datetime:
        """Until when the order may be paid."""
        return self.to_pay.pay_deadline or self.to_pay.created_at


class RejectOrder(Value):
    """`drift`: Redis granted what Postgres refused, which a person should look into."""

    intent: Intent
    reason: RejectReason
    drift: bool = False


class EndOrder(Value):
    """Undo of place_order. `status` is the end to reach: cancelled, timed_out or rejected.
    `closed` names the payments that can take no money any more; None when nobody looked.
    `whatever_it_is`: who asks also understands that the order has ended otherwise. `give_back`:
    how its stock goes back in Redis, once it has ended; None leaves that to another step."""

    intent: Intent
    status: OrderStatus
    reason: str
    actor: str = SYSTEM
    closed: tuple[str, ...] | None = None
    whatever_it_is: bool = False
    give_back: StockReturn | None = None


class MoveDeadline(Value):
    order_id: str
    pay_deadline: datetime
    actor: str
    reason: str


class OrderRef(Value):
    order_id: str


class ClosingOrder(Value):
    """`status`: the order's, None for an unknown one. `open_payments` may still take money, and
    after them none is begun any more."""

    status: OrderStatus | None = None
    open_payments: tuple[Payment, ...] = ()


class OrderActivities:
    def __init__(self, database: Database, giving_back: GivingBack | None = None) -> None:
        self._database = database
        self._giving_back = giving_back
        # Thousands may run out of time in one minute, and each would wait for the item's row.
        self._ending = EndingFlights(database)

    @activity.defn
    async def place_order(self, command: PlaceOrder) -> PlacedOrder:
        """Write the order and hold its stock, or find it placed ahead, with the deadline that it
        was given then; a repeat answers with what the first one did."""
        try:
            # One query and no lock held in between: all orders of a sale wait for its item.
            async with self._database.driver() as driver:
                placing = await HotPath(driver).place(command.intent, command.placed_at)
        except PlacingRefused as refused:
            return PlacedOrder(rejected=refused.reason)
        # Payments were begun ahead, or by an earlier run, and must be known to be closed.
        if placing is None or placing.has_payments:
            return await self._found(command.intent)
        if placing.order.status not in HOLDING_STOCK | OWNING_STOCK:
            return PlacedOrder(rejected=RejectReason.RELEASED)
        return _placed(placing.order, placing.title, placing.points_price)

    async def standing(self, order_id: str) -> PlacedOrder | None:
        """The order as it stands, whatever its status; None when there is none."""
        async with self._database.driver() as driver:
            found = await HotPath(driver).standing(order_id)
        if found is None:
            return None
        payments: Sequence[Payment] = ()
        if found.has_payments:
            async with self._database.transaction() as connection:
                payments = await Payments(connection).of_order(order_id)
        return _placed(found.order, found.title, found.points_price, payments)

    @activity.defn
    async def order_stands(self, intent: Intent) -> bool:
        """Whether the order is written and has its stock; asking places nothing."""
        async with self._database.transaction() as connection:
            order = await Orders(connection).get(intent.order_id)
        return order is not None and order.status in HOLDING_STOCK | OWNING_STOCK

    @activity.defn
    async def reject_order(self, command: RejectOrder) -> None:
        """Leave a trace of an accepted intent that did not become an order."""
        async with self._database.transaction() as connection:
            await write_rejection(connection, command.intent, command.reason)
            if command.drift:
                await Attentions(connection).raise_(
                    AttentionKind.STOCK_DRIFT,
                    command.intent.order_id,
                    order_id=command.intent.order_id,
                    what=f"Redis granted a unit that Postgres refused: {command.reason}",
                    advice="Run `seckill audit --repair` to rebuild the item in Redis.",
                )

    @activity.defn
    async def cancel_order(self, command: EndOrder) -> PlacedOrder | None:
        """Undo of place_order: release the held stock and close the order and its payments.
        Answers with the order, and does nothing, where it came to something else than its workflow
        knows: it is paid, or given back, or has open payments that are not in `closed`, or has
        ended otherwise."""
        stands, how = await self._end(command), command.give_back
        # Redis never before Postgres, which says that the stock is nobody's.
        if stands is None and how is not None and self._giving_back is not None:
            is_given_back = await self._giving_back.try_to(command.intent, how)
            return PlacedOrder(is_given_back=True) if is_given_back else None
        return stands

    async def _end(self, command: EndOrder) -> PlacedOrder | None:
        intent, order_id = command.intent, command.intent.order_id
        reason = told_to_buyer(command.reason, command.actor)
        if command.status in ENDS:
            wanted = OrderEnd(
                order_id, command.status, reason, command.actor, command.reason, command.closed
            )
            if (await self._ending.end(wanted)).is_new:
                return None
        async with self._database.transaction() as connection:
            orders, payments = Orders(connection), Payments(connection)
            # Paying and cancelling may come at once. Whichever has the row first has won.
            order = await orders.lock(order_id)
            if order is None:
                # A placing that is still on its way must find this row and do nothing.
                await write_rejection(connection, intent, command.reason, command.actor)
                return None
            begun = await payments.of_order(order_id)
            if order.status in OWNING_STOCK or _is_unknown(order, begun, command.closed):
                return await _standing(connection, order, begun)
            if order.status is not OrderStatus.PENDING_PAYMENT:
                otherwise = command.whatever_it_is and order.status is not command.status
                return await _standing(connection, order, begun) if otherwise else None
            await orders.change_status(
                order_id, OrderStatus.PENDING_PAYMENT, command.status, reason=reason
            )
            for payment in begun:
                await payments.change_status(
                    payment.payment_id, PaymentStatus.CREATED, PaymentStatus.CLOSED
                )
            end = EventKind(command.status.value)
            await orders.record(order_id, end, command.actor, command.reason)
            # Last, because every order of the sale waits for this row's lock.
            await Stock(connection).release(order)
            return None

    @activity.defn
    async def close_order(self, order: OrderRef) -> ClosingOrder:
        """From now on no payment of the order is begun. Which are open, whoever began them."""
        async with self._database.transaction() as connection:
            closing = await PayableOrders(connection).close(order.order_id)
        return ClosingOrder(status=closing.status, open_payments=closing.open_payments)

    @activity.defn
    async def open_payments(self, ref: OrderRef) -> ClosingOrder:
        """The same without an end to it: more may be begun."""
        async with self._database.transaction() as connection:
            order = await Orders(connection).get(ref.order_id)
            begun = await Payments(connection).of_order(ref.order_id)
        return ClosingOrder(status=order.status if order else None, open_payments=_open(begun))

    @activity.defn
    async def extend_deadline(self, command: MoveDeadline) -> None:
        """Only to a later one, of an order that still waits to be paid."""
        async with self._database.transaction() as connection:
            orders = Orders(connection)
            # A repeat changes nothing and leaves no second trace.
            if await orders.extend_deadline(command.order_id, command.pay_deadline):
                detail = f"until {command.pay_deadline.isoformat()}: {command.reason}"
                await orders.record(
                    command.order_id, EventKind.DEADLINE_EXTENDED, command.actor, detail
                )

    async def _found(self, intent: Intent) -> PlacedOrder:
        async with self._database.transaction() as connection:
            standing = await Orders(connection).get(intent.order_id)
            if standing and standing.status not in HOLDING_STOCK | OWNING_STOCK:
                return PlacedOrder(rejected=RejectReason.RELEASED)
            if standing:
                payments = await Payments(connection).of_order(standing.order_id)
                return await _standing(connection, standing, payments)
            sale = await Sales(connection).get(intent.sale_id)
        cancelled = sale is not None and sale.status is SaleStatus.CANCELLED
        reason = RejectReason.SALE_CANCELLED if cancelled else RejectReason.NOT_FOUND
        return PlacedOrder(rejected=reason)


def _is_unknown(order: Order, begun: Sequence[Payment], closed: tuple[str, ...] | None) -> bool:
    """Whether money may still arrive by a payment whose beginning was forgotten."""
    # A workflow task that is lost takes its local activities out of the history, not out of here.
    if closed is None or order.status is not OrderStatus.PENDING_PAYMENT:
        return False
    return any(payment.payment_id not in closed for payment in _open(begun))


async def _standing(
    connection: AsyncConnection, order: Order, payments: Sequence[Payment]
) -> PlacedOrder:
    item = await Stock(connection).item(order.item)
    if item is None:
        raise LookupError(f"the item of order {order.order_id} is gone")
    return _placed(order, item.title, item.points_price, payments)


def _placed(
    order: Order, title: str, points_price: int | None, payments: Sequence[Payment] = ()
) -> PlacedOrder:
    return PlacedOrder(
        order=order,
        title=title,
        points_amount=None if points_price is None else points_price * order.quantity,
        # A workflow that was started anew must know them, to close them before stock goes back.
        open_payments=_open(payments),
        begun_payments=tuple(p.payment_id for p in payments),
    )


def _open(payments: Sequence[Payment]) -> tuple[Payment, ...]:
    return tuple(payment for payment in payments if payment.status is PaymentStatus.CREATED)
