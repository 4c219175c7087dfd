"""Points as a payment provider of our own: the trade is the debit, and its number the payment's."""

from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.bill import BillLine
from domain.gateway_errors import AlreadyClosed, Declined, NotEnoughPoints, TradeNotFound
from domain.notice import Verdict, VerifiedNotice
from domain.order import Order
from domain.payment import Charge, ClosedTrade, Payment, PaymentMethod, Receipt, Trade, TradeState
from domain.points import CreditExceedsDebit, InsufficientPoints
from domain.refund import RefundAnswer, RefundInstruction, RefundState
from domain.states import PaymentStatus
from infra.gateways.protocol import RawNotice, refused_notice
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from infra.postgres.points import Points


class PointsGateway:
    """Each call is one transaction that holds the payment's row, so that a debit and a close of
    the same payment come one after the other."""

    method = PaymentMethod.POINTS

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, charge: Charge) -> None:
        """Take the points. Raises NotEnoughPoints, or AlreadyClosed for a closed payment."""
        async with self._database.transaction() as connection:
            payment, order = await _lock(connection, charge.payment_id)
            if payment.status is PaymentStatus.CLOSED:
                raise AlreadyClosed("the payment is closed")
            debit = await Points(connection).debit(order.order_id, order.user_id, payment.amount)
            if isinstance(debit, InsufficientPoints):
                raise NotEnoughPoints(debit.balance, debit.needed)

    async def query(self, payment_id: str) -> Trade:
        async with self._database.transaction() as connection:
            payment, order = await _lock(connection, payment_id)
            receipt = await _receipt(connection, payment, order)
        if receipt:
            return Trade(state=TradeState.PAID, receipt=receipt)
        closed = payment.status is PaymentStatus.CLOSED
        return Trade(state=TradeState.CLOSED if closed else TradeState.WAITING)

    async def close(self, payment_id: str) -> ClosedTrade:
        async with self._database.transaction() as connection:
            payment, order = await _lock(connection, payment_id)
            if receipt := await _receipt(connection, payment, order):
                return ClosedTrade(receipt=receipt)
            await Payments(connection).change_status(
                payment_id, PaymentStatus.CREATED, PaymentStatus.CLOSED
            )
            return ClosedTrade()

    async def refund(self, instruction: RefundInstruction) -> RefundAnswer:
        async with self._database.transaction() as connection:
            _, order = await _lock(connection, instruction.payment_id)
            # One credit an order, so that a repeat gives nothing twice.
            credit = await Points(connection).credit(
                order.order_id, order.user_id, instruction.amount
            )
            if isinstance(credit, CreditExceedsDebit):
                raise Declined(f"{credit.debited} points were paid, {credit.asked} asked back")
            return RefundAnswer(state=RefundState.DONE)

    async def query_refund(self, instruction: RefundInstruction) -> RefundAnswer:
        """Points come back at once, so asking what became of them is giving them back."""
        return await self.refund(instruction)

    async def verify_notice(self, raw: RawNotice) -> VerifiedNotice:
        """Nobody sends notices about points, so one that comes is forged."""
        return refused_notice(Verdict.BAD_SIGNATURE)

    async def download_bill(self, day: date) -> tuple[BillLine, ...]:
        """Our own ledger is the only book of points; the audit proves it."""
        return ()

    async def aclose(self) -> None:
        return None


async def _lock(connection: AsyncConnection, payment_id: str) -> tuple[Payment, Order]:
    payment = await Payments(connection).lock(payment_id)
    order = await Orders(connection).get(payment.order_id) if payment else None
    if payment is None or order is None:
        raise TradeNotFound(f"no payment {payment_id}")
    return payment, order


async def _receipt(connection: AsyncConnection, payment: Payment, order: Order) -> Receipt | None:
    debit = await Points(connection).debit_of(order.order_id)
    if debit is None:
        return None
    return Receipt(
        method=PaymentMethod.POINTS,
        payment_id=payment.payment_id,
        trade_no=payment.payment_id,
        amount=-debit.amount,
        paid_at=debit.at,
    )
