"""Points as a payment provider of our own: the trade is the debit, and its number the payment's."""

from datetime import UTC, date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.bill import Bill
from domain.gateway_errors import (
    AlreadyClosed,
    AlreadyPaid,
    Declined,
    NotEnoughPoints,
    TradeNotFound,
)
from domain.notice import Verdict, VerifiedNotice
from domain.order import Order
from domain.payment import (
    POINTS_CURRENCY,
    Charge,
    ClosedTrade,
    Payment,
    PaymentMethod,
    Receipt,
    Trade,
    TradeState,
    order_id_of_payment,
)
from domain.points import CreditExceedsDebit, InsufficientPoints, paid_by
from domain.refund import RefundAnswer, RefundInstruction, RefundState
from domain.states import OrderStatus, PaymentStatus
from infra.gateways.protocol import RawNotice, refused_notice
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from infra.postgres.points import Points
from infra.postgres.stock import Stock


class PointsGateway:
    """Each call is one transaction that holds the order's and the payment's row, so that a debit
    and a close of the same order come one after the other."""

    method = PaymentMethod.POINTS

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, charge: Charge) -> None:
        """Take the points. Raises NotEnoughPoints; AlreadyClosed when the payment is closed or
        the order over; AlreadyPaid when another payment of the order took its points."""
        async with self._database.transaction() as connection:
            payment, order = await _expect(connection, charge.payment_id)
            if payment.status is PaymentStatus.CLOSED:
                raise AlreadyClosed("the payment is closed")
            debit = await Points(connection).debit_of(order.order_id)
            payer = paid_by(debit, order.order_id) if debit else payment.payment_id
            if payer != payment.payment_id:
                raise AlreadyPaid(f"payment {payer} took the order's points")
            # A worker that stood still may come here long after the order was given up.
            if debit is None and order.status is not OrderStatus.PENDING_PAYMENT:
                raise AlreadyClosed(f"the order is {order.status}")
            taken = await Points(connection).debit(
                order.order_id, order.user_id, payment.amount, payment.payment_id
            )
            if isinstance(taken, InsufficientPoints):
                raise NotEnoughPoints(taken.balance, taken.needed)

    async def query(self, payment_id: str) -> Trade:
        async with self._database.transaction() as connection:
            held = await _lock(connection, payment_id)
            if held is None:
                return Trade(state=TradeState.NOT_FOUND)
            return await _trade(connection, *held)

    async def close(self, payment_id: str) -> ClosedTrade:
        """A payment that was never written is written as closed: its beginning may still be on
        its way, and must take nothing then."""
        async with self._database.transaction() as connection:
            held = await _lock(connection, payment_id)
            if held is None:
                await _write_closed(connection, payment_id)
                # One that was begun in this very moment came first, and is closed as any other.
                held = await _lock(connection, payment_id)
            # Without its order the payment cannot be written by anybody else either.
            if held is None:
                return ClosedTrade()
            trade = await _trade(connection, *held)
            if trade.receipt or trade.returned:
                return ClosedTrade(receipt=trade.receipt, returned=trade.returned)
            if await Payments(connection).change_status(
                payment_id, PaymentStatus.CREATED, PaymentStatus.CLOSED
            ):
                await Orders(connection).show_change(held[0].order_id)
            return ClosedTrade()

    async def refund(self, instruction: RefundInstruction) -> RefundAnswer:
        async with self._database.transaction() as connection:
            payment, order = await _expect(connection, instruction.payment_id)
            if await _receipt(connection, payment, order) is None:
                raise Declined(f"no points were paid as {instruction.payment_id}")
            # One credit an order, so that a repeat gives nothing twice.
            credit = await Points(connection).credit(
                order.order_id, order.user_id, instruction.amount
            )
            if isinstance(credit, CreditExceedsDebit):
                raise Declined(f"{credit.debited} points were paid, {credit.asked} asked back")
            return RefundAnswer(state=RefundState.DONE)

    async def query_refund(self, instruction: RefundInstruction) -> RefundAnswer:
        """Points come back at once: what is not back was never asked for."""
        async with self._database.transaction() as connection:
            held = await _lock(connection, instruction.payment_id)
            trade = await _trade(connection, *held) if held else None
        done = trade is not None and trade.returned is not None
        return RefundAnswer(state=RefundState.DONE if done else RefundState.NOT_FOUND)

    async def verify_notice(self, raw: RawNotice) -> VerifiedNotice:
        """Nobody sends notices about points, so one that comes is forged."""
        return refused_notice(Verdict.BAD_SIGNATURE)

    async def download_bill(self, day: date) -> Bill:
        """Our own ledger is the only book of points; the audit proves it."""
        return Bill()

    async def aclose(self) -> None:
        return None


async def _lock(connection: AsyncConnection, payment_id: str) -> tuple[Payment, Order] | None:
    payment = await Payments(connection).get(payment_id)
    # The order before the payment, as everywhere: no deadlock.
    order = await Orders(connection).lock(payment.order_id) if payment else None
    payment = await Payments(connection).lock(payment_id)
    return (payment, order) if payment and order else None


async def _expect(connection: AsyncConnection, payment_id: str) -> tuple[Payment, Order]:
    held = await _lock(connection, payment_id)
    if held is None:
        raise TradeNotFound(f"no payment {payment_id}")
    return held


async def _write_closed(connection: AsyncConnection, payment_id: str) -> None:
    order_id = order_id_of_payment(payment_id)
    order = await Orders(connection).lock(order_id) if order_id else None
    item = await Stock(connection).item(order.item) if order else None
    if order is None or item is None:
        return
    now = datetime.now(UTC)
    closed = Payment(
        payment_id=payment_id,
        order_id=order.order_id,
        method=PaymentMethod.POINTS,
        status=PaymentStatus.CLOSED,
        # An item that has no price in points any more: nobody will pay this amount anyway.
        amount=item.points_price * order.quantity if item.points_price else order.amount,
        currency=POINTS_CURRENCY,
        expires_at=now,
        created_at=now,
    )
    if await Payments(connection).insert(closed):
        await Orders(connection).show_change(order.order_id)


async def _trade(connection: AsyncConnection, payment: Payment, order: Order) -> Trade:
    receipt = await _receipt(connection, payment, order)
    if receipt and await Points(connection).credit_of(order.order_id):
        return Trade(state=TradeState.CLOSED, returned=receipt)
    if receipt:
        return Trade(state=TradeState.PAID, receipt=receipt)
    closed = payment.status is PaymentStatus.CLOSED
    return Trade(state=TradeState.CLOSED if closed else TradeState.WAITING)


async def _receipt(connection: AsyncConnection, payment: Payment, order: Order) -> Receipt | None:
    debit = await Points(connection).debit_of(order.order_id)
    if debit is None or paid_by(debit, order.order_id) != payment.payment_id:
        return None
    return Receipt(
        method=PaymentMethod.POINTS,
        payment_id=payment.payment_id,
        trade_no=payment.payment_id,
        amount=-debit.amount,
        paid_at=debit.at,
    )
