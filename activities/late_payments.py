"""Money that came after its order was given up, where the sale wants such orders honoured."""

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities.settlements import record_money
from domain.actors import provider
from domain.delivery import DeliveryKind
from domain.model import Value
from domain.order import EventKind, Order
from domain.payment import Payment, Receipt
from domain.reservation import Intent
from domain.sale import LatePaymentPolicy
from domain.states import OrderStatus, PaymentStatus, SaleStatus
from domain.surplus_money import is_settled
from infra.postgres.deliveries import Deliveries
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from infra.postgres.refunds import Refunds
from infra.postgres.sale_ends import SaleEnds
from infra.postgres.sales import Sales
from infra.postgres.stock import Stock


class LatePayment(Value):
    order_id: str
    receipt: Receipt


class Reclaimable(Value):
    """`intent`: what to reclaim for the order; None when the money is to go back."""

    intent: Intent | None = None


class Honoured(Value):
    accepted: bool


class GoingOn(Value):
    """`taken_up`: a workflow of the order was started; False when one runs already."""

    taken_up: bool


class OrdersToStart(Protocol):
    """Workflows are in a room above this one. Raises RPCError while Temporal is away."""

    async def start_order_again(self, intent: Intent) -> bool:
        """False when it runs."""


class _GoneMeanwhile(Exception):
    """Rolls an honouring back."""


class LatePaymentActivities:
    def __init__(self, database: Database, orders: OrdersToStart) -> None:
        self._database = database
        self._orders = orders

    @activity.defn
    async def consider_late_payment(self, late: LatePayment) -> Reclaimable:
        """Whether the order may still be had for this money."""
        async with self._database.transaction() as connection:
            order = await Orders(connection).get(late.order_id)
            payment = await Payments(connection).get(late.receipt.payment_id)
            if order is None or payment is None or not _may_be_had(order, payment, late.receipt):
                return Reclaimable()
            sale = await Sales(connection).get(order.sale_id)
            if sale is None or sale.status is SaleStatus.CANCELLED:
                return Reclaimable()
            if sale.late_payment is not LatePaymentPolicy.HONOUR:
                return Reclaimable()
            return Reclaimable(intent=order.intent)

    @activity.defn
    async def honour_late_payment(self, late: LatePayment) -> Honoured:
        """timed_out -> paid, if Postgres has the stock and the buyer's limit allows it: order,
        payment, stock and ledger in one step. A repeat answers as the first did."""
        try:
            async with self._database.transaction() as connection:
                order = await Orders(connection).lock(late.order_id)
                payment = await Payments(connection).lock(late.receipt.payment_id)
                if order is None or payment is None:
                    return Honoured(accepted=False)
                if is_settled(payment, late.receipt):
                    return Honoured(accepted=payment.status is PaymentStatus.PAID)
                # Asked again under the lock: the money may be on its way back by now.
                if not _may_be_had(order, payment, late.receipt):
                    return Honoured(accepted=False)
                # Decided once, and here: Redis, which was told as well, may be put back or rebuilt.
                if await Refunds(connection).promised(payment.payment_id):
                    return Honoured(accepted=False)
                # Whoever cancels the sale waits for this, or this for him.
                if not await SaleEnds(connection).hold_uncancelled(order.sale_id):
                    return Honoured(accepted=False)
                await _reclaim(connection, order)
                await _settle_late(connection, order, payment, late.receipt)
                return Honoured(accepted=True)
        except _GoneMeanwhile:
            return Honoured(accepted=False)

    @activity.defn
    async def go_on_as_order(self, late: LatePayment) -> GoingOn:
        """Have the honoured order's own workflow see to what it is still owed."""
        async with self._database.transaction() as connection:
            order = await Orders(connection).get(late.order_id)
        if order is None:
            return GoingOn(taken_up=False)
        started = await self._orders.start_order_again(order.input_of_its_workflow)
        return GoingOn(taken_up=started)


def _may_be_had(order: Order, payment: Payment, receipt: Receipt) -> bool:
    # Not one that somebody cancelled: he said that he does not want it.
    return order.status is OrderStatus.TIMED_OUT and payment.amount == receipt.amount


async def _reclaim(connection: AsyncConnection, order: Order) -> None:
    if not await Stock(connection).reclaim(order):
        raise _GoneMeanwhile
    # Only now, with the item's row locked, do the buyer's other orders stand still.
    item = await Stock(connection).item(order.item)
    others = await Orders(connection).quantity_of(order.item, order.user_id, besides=order.order_id)
    if item is None or others + order.quantity > item.per_user_limit:
        raise _GoneMeanwhile


async def _settle_late(
    connection: AsyncConnection, order: Order, payment: Payment, receipt: Receipt
) -> None:
    orders = Orders(connection)
    await orders.change_status(
        order.order_id, OrderStatus.TIMED_OUT, OrderStatus.PAID, reason="paid late, and honoured"
    )
    await Payments(connection).change_status(
        payment.payment_id,
        payment.status,
        PaymentStatus.PAID,
        trade_no=receipt.trade_no,
        paid_at=receipt.paid_at,
    )
    await record_money(connection, order.order_id, receipt)
    await Deliveries(connection).owe(order.order_id, DeliveryKind)
    actor = provider(receipt.method)
    await orders.record(order.order_id, EventKind.PAID_LATE, actor, f"trade {receipt.trade_no}")
