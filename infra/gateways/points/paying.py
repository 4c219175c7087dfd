"""Paying with points: begun, debited and settled in one transaction, never left open."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.gateway_errors import AlreadyClosed, AlreadyPaid, NotEnoughPoints
from domain.order import EventKind, Order
from domain.payment import Payment, Receipt
from domain.points import InsufficientPoints, paid_by
from domain.states import OWNING_STOCK, PaymentStatus
from infra.postgres.engine import Database
from infra.postgres.hot_path import HotPath
from infra.postgres.orders import Orders
from infra.postgres.payable_orders import PayableOrders
from infra.postgres.payments import Payments
from infra.postgres.points import Points


async def pay_with_points(database: Database, payment: Payment, actor: str) -> Payment:
    """The payment, which has paid its order: by this call, or by one before whose answer was lost.

    Raises NotEnoughPoints, and nothing is left of it then; AlreadyPaid when another payment took
    the order's points; AlreadyClosed for a payment that is closed, or an order that may not be
    paid any more.
    """
    async with database.transaction() as connection:
        # The order before the payment and the account, as everywhere: no deadlock.
        order = await Orders(connection).lock(payment.order_id)
        standing = await Payments(connection).lock(payment.payment_id)
        if order is None:
            raise AlreadyClosed("there is no such order")
        if standing and standing.status is PaymentStatus.PAID:
            return standing
        await _refuse_unless_payable(connection, order, standing or payment)
        if standing is None:
            await Payments(connection).insert(payment)
            await Orders(connection).record(
                order.order_id, EventKind.PAYMENT_BEGUN, actor, payment.method
            )
        receipt = await _take(connection, order, standing or payment)
        # The same transaction: SQLAlchemy has begun it on this very connection.
        driver = (await connection.get_raw_connection()).driver_connection
        if driver is None or not await HotPath(driver).settle(order.order_id, receipt):
            raise AlreadyClosed(f"the order is {order.status}")
        settled = await Payments(connection).get(payment.payment_id)
    return settled or payment


async def _refuse_unless_payable(
    connection: AsyncConnection, order: Order, payment: Payment
) -> None:
    if payment.status is not PaymentStatus.CREATED:
        raise AlreadyClosed(f"the payment is {payment.status}")
    debit = await Points(connection).debit_of(order.order_id)
    if debit is not None:
        if paid_by(debit, order.order_id) != payment.payment_id:
            raise AlreadyPaid(f"payment {paid_by(debit, order.order_id)} took the order's points")
        # Taken by the release before this one, which settled them afterwards.
        return
    if order.status in OWNING_STOCK:
        raise AlreadyPaid(f"the order is {order.status}")
    now = datetime.now(UTC)
    # A worker that stood still may come here long after the order was given up.
    if await PayableOrders(connection).hold(order.order_id, now) is None:
        raise AlreadyClosed(f"the order is {order.status}, and takes no payment any more")


async def _take(connection: AsyncConnection, order: Order, payment: Payment) -> Receipt:
    taken = await Points(connection).debit(
        order.order_id, order.user_id, payment.amount, payment.payment_id
    )
    if isinstance(taken, InsufficientPoints):
        raise NotEnoughPoints(taken.balance, taken.needed)
    return Receipt(
        method=payment.method,
        payment_id=payment.payment_id,
        # An order's points are taken once, so the payment that took them is a trade by itself.
        trade_no=payment.payment_id,
        amount=taken.amount,
        paid_at=datetime.now(UTC),
    )
