"""What is owed once an order is paid, carried out: each kind once in effect."""

import asyncio
from collections.abc import Sequence

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities.delivery_cases import (
    OPEN,
    OWED_BY,
    DeliverOne,
    GiveUpDelivery,
    Owed,
    PaidOrder,
    SkipDelivery,
    call_a_person,
    drop_if_moot,
    put_on_record,
)
from activities.orders import SYSTEM
from domain.delivery import Delivery, DeliveryKind
from domain.message import Message, MessageTopic
from domain.money import MINOR_PER_MAJOR
from domain.order import Order
from domain.payment import Payment, PaymentMethod
from domain.points import PointsKind
from domain.states import DeliveryStatus, OrderStatus, PaymentStatus
from infra.messages.protocol import MessageSender
from infra.postgres.deliveries import Deliveries
from infra.postgres.engine import Database
from infra.postgres.entitlements import Entitlements
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from infra.postgres.points import Points
from infra.postgres.stock import Stock

log = structlog.get_logger()

ERROR_CHARACTERS = 300


class DeliveryActivities:
    """Each may run twice, and beside itself. Raises only while Postgres is away: that says nothing
    about a delivery, so it does not count as one of its tries."""

    def __init__(self, database: Database, sender: MessageSender) -> None:
        self._database = database
        self._sender = sender
        self._ways = {
            DeliveryKind.POINTS: self._award_points,
            DeliveryKind.ENTITLEMENT: self._grant_entitlement,
            DeliveryKind.MESSAGE: self._send_message,
        }

    @activity.defn
    async def carry_out(self, paid: PaidOrder) -> Owed:
        """Try all that is pending, at once; with nothing left open the order is fulfilled."""
        async with self._database.transaction() as connection:
            owed = await Deliveries(connection).of_order(paid.order_id)
        async with asyncio.TaskGroup() as tries:
            for delivery in owed:
                if delivery.status is DeliveryStatus.PENDING:
                    tries.create_task(self._try(paid.order_id, delivery.kind))
        return await self._fulfil(paid.order_id)

    @activity.defn
    async def fulfil(self, paid: PaidOrder) -> Owed:
        """Fulfil a paid order once all is done or skipped. What an order owes that is being given
        back nobody waits for any more: it is skipped."""
        return await self._fulfil(paid.order_id)

    @activity.defn
    async def deliver_one(self, command: DeliverOne) -> Delivery:
        """Try one that is pending or failed once more."""
        await self._try(command.order_id, command.kind)
        async with self._database.transaction() as connection:
            await drop_if_moot(connection, command.order_id)
            delivery = await _delivery(connection, command.order_id, command.kind)
            if command.actor != SYSTEM:
                await put_on_record(connection, delivery, "delivery_retried", command)
        return delivery

    @activity.defn
    async def give_up_delivery(self, command: GiveUpDelivery) -> Delivery:
        """Leave a pending one to a person."""
        order_id, kind = command.order_id, command.kind
        async with self._database.transaction() as connection:
            if not await drop_if_moot(connection, order_id) and await Deliveries(
                connection
            ).change_status(
                order_id, kind, {DeliveryStatus.PENDING}, DeliveryStatus.FAILED, command.error
            ):
                await call_a_person(connection, command)
            return await _delivery(connection, order_id, kind)

    @activity.defn
    async def skip_delivery(self, command: SkipDelivery) -> Delivery:
        """What failed will not be delivered; an operator decided so."""
        order_id, kind = command.order_id, command.kind
        async with self._database.transaction() as connection:
            skipped = await Deliveries(connection).change_status(
                order_id, kind, {DeliveryStatus.FAILED}, DeliveryStatus.SKIPPED, command.reason
            )
            delivery = await _delivery(connection, order_id, kind)
            if skipped:
                await put_on_record(connection, delivery, "delivery_skipped", command)
        return delivery

    async def _try(self, order_id: str, kind: DeliveryKind) -> None:
        try:
            await self._ways[kind](order_id)
        except Exception as error:
            log.warning("delivery_failed", order_id=order_id, kind=kind, error=repr(error)[:200])
            async with self._database.transaction() as connection:
                await Deliveries(connection).count_attempt(order_id, kind, _said(error))

    async def _award_points(self, order_id: str) -> None:
        async with self._database.transaction() as connection:
            order = await _still_owing(connection, order_id)
            if order is None:
                return
            points = _award(await Payments(connection).of_order(order_id))
            done = await _mark_done(connection, order_id, DeliveryKind.POINTS, f"{points} points")
            if done and points:
                await Points(connection).grant(
                    order.user_id,
                    points,
                    "thank you for your order",
                    kind=PointsKind.AWARD,
                    order_id=order_id,
                )

    async def _grant_entitlement(self, order_id: str) -> None:
        async with self._database.transaction() as connection:
            order = await _still_owing(connection, order_id)
            if order is None:
                return
            what = f"{order.quantity} × {order.sku_id}"
            if await _mark_done(connection, order_id, DeliveryKind.ENTITLEMENT, what):
                await Entitlements(connection).grant(order)

    async def _send_message(self, order_id: str) -> None:
        # Sent outside any transaction: a slow receiver must not hold a connection of the pool.
        async with self._database.transaction() as connection:
            order = await Orders(connection).get(order_id)
            item = await Stock(connection).item(order.item) if order else None
        if order is None or order.status not in OWED_BY:
            return
        went = await self._sender.send(_thanks(order, item.title if item else order.sku_id))
        async with self._database.transaction() as connection:
            await _mark_done(connection, order_id, DeliveryKind.MESSAGE, went)

    async def _fulfil(self, order_id: str) -> Owed:
        async with self._database.transaction() as connection:
            orders = Orders(connection)
            owed = await Deliveries(connection).of_order(order_id)
            still_open = tuple(delivery for delivery in owed if delivery.status in OPEN)
            if not still_open and await orders.change_status(
                order_id, OrderStatus.PAID, OrderStatus.FULFILLED
            ):
                await orders.record(order_id, "fulfilled", SYSTEM, _in_short(owed))
                return Owed(order_status=OrderStatus.FULFILLED)
            if moot := await drop_if_moot(connection, order_id):
                return Owed(order_status=moot)
            order = await orders.get(order_id)
        if order is None:
            raise LookupError(f"there is no order {order_id}")
        return Owed(order_status=order.status, open=still_open)


def _award(payments: Sequence[Payment]) -> int:
    """One point per whole yuan of money; points that were spent earn none."""
    return sum(
        payment.amount // MINOR_PER_MAJOR
        for payment in payments
        if payment.status is PaymentStatus.PAID and payment.method is not PaymentMethod.POINTS
    )


def _thanks(order: Order, title: str) -> Message:
    return Message(
        order_id=order.order_id,
        topic=MessageTopic.ORDER_PAID,
        user_id=order.user_id,
        sale_id=order.sale_id,
        sku_id=order.sku_id,
        title=title,
        quantity=order.quantity,
        amount=order.amount,
        currency=order.currency,
    )


async def _still_owing(connection: AsyncConnection, order_id: str) -> Order | None:
    """The order, held so that no refund begins before this transaction ends: either the refund
    finds what was delivered and takes it back, or nothing is delivered any more."""
    order = await Orders(connection).hold_still(order_id)
    return order if order and order.status in OWED_BY else None


async def _mark_done(
    connection: AsyncConnection, order_id: str, kind: DeliveryKind, detail: str
) -> bool:
    return await Deliveries(connection).change_status(
        order_id, kind, OPEN, DeliveryStatus.DONE, detail
    )


async def _delivery(connection: AsyncConnection, order_id: str, kind: DeliveryKind) -> Delivery:
    for delivery in await Deliveries(connection).of_order(order_id):
        if delivery.kind is kind:
            return delivery
    raise LookupError(f"order {order_id} is owed no {kind}")


def _in_short(owed: Sequence[Delivery]) -> str:
    return "; ".join(f"{one.kind} {one.status}: {one.detail}" for one in owed)


def _said(error: Exception) -> str:
    """Postgres keeps no NUL, and an error may say anything."""
    return f"{type(error).__name__}: {error}"[:ERROR_CHARACTERS].replace("\0", "")
