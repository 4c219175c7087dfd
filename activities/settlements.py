"""Money that arrived, written down: each activity is one transaction."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from domain.delivery import DeliveryKind
from domain.model import Value
from domain.order import Order
from domain.payment import Payment, Receipt
from domain.refund import RefundReason, RefundRequest
from domain.states import OrderStatus, PaymentStatus
from domain.surplus import surplus_refund, why_surplus
from infra.postgres.deliveries import Deliveries
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from infra.postgres.orders import Orders
from infra.postgres.payments import PaymentFlows, Payments
from infra.postgres.stock import Stock

RECEIVED: Final = "received"


class SettlePayment(Value):
    order_id: str
    receipt: Receipt


class Settled(Value):
    """`surplus` is None when the order is paid by this receipt, else why it must go back."""

    surplus: RefundReason | None = None


class RecordSurplus(Value):
    order_id: str
    receipt: Receipt
    reason: RefundReason


class SettlementActivities:
    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def settle_payment(self, command: SettlePayment) -> Settled:
        """Payment, order, stock and ledger in one step; a repeat answers as the first did."""
        async with self._database.transaction() as connection:
            order = await Orders(connection).get(command.order_id)
            payment = await Payments(connection).get(command.receipt.payment_id)
            if order is None or payment is None:
                return Settled(surplus=RefundReason.LATE_PAYMENT)
            surplus = why_surplus(order, payment, command.receipt)
            if surplus is None and order.status is OrderStatus.PENDING_PAYMENT:
                await _settle(connection, order, payment, command.receipt)
            return Settled(surplus=surplus)

    @activity.defn
    async def record_surplus(self, command: RecordSurplus) -> RefundRequest:
        """Keep account of money the order cannot take. Answers what has to go back."""
        receipt = command.receipt
        async with self._database.transaction() as connection:
            is_new = await record_money(connection, command.order_id, receipt)
            if command.reason is RefundReason.WRONG_AMOUNT:
                await Payments(connection).change_status(
                    receipt.payment_id,
                    PaymentStatus.CREATED,
                    PaymentStatus.MISMATCHED,
                    trade_no=receipt.trade_no,
                    paid_at=receipt.paid_at,
                )
            if is_new:
                await Orders(connection).record(
                    command.order_id, "surplus_money", _provider(receipt), command.reason
                )
            payment = await Payments(connection).get(receipt.payment_id)
        currency = payment.currency if payment else "CNY"
        return surplus_refund(command.order_id, receipt, command.reason, currency)


async def _settle(
    connection: AsyncConnection, order: Order, payment: Payment, receipt: Receipt
) -> None:
    orders = Orders(connection)
    if not await orders.change_status(
        order.order_id, OrderStatus.PENDING_PAYMENT, OrderStatus.PAID
    ):
        return
    await Payments(connection).change_status(
        payment.payment_id,
        payment.status,
        PaymentStatus.PAID,
        trade_no=receipt.trade_no,
        paid_at=receipt.paid_at,
    )
    await record_money(connection, order.order_id, receipt)
    await orders.record(order.order_id, "paid", _provider(receipt), f"trade {receipt.trade_no}")
    await Deliveries(connection).owe(order.order_id, DeliveryKind)
    # Last, because every order of the sale waits for this row's lock.
    await Stock(connection).sell(order)


async def record_money(connection: AsyncConnection, order_id: str, receipt: Receipt) -> bool:
    """The money on the ledger, its notice handled; False if it was there before."""
    is_new = await PaymentFlows(connection).record(
        order_id, receipt.payment_id, receipt.method, RECEIVED, receipt.trade_no, receipt.amount
    )
    if receipt.notice_id:
        await Notices(connection).mark_handled(receipt.notice_id, RECEIVED)
    return is_new


def _provider(receipt: Receipt) -> str:
    return f"provider:{receipt.method}"
