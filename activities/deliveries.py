"""What is owed once an order is paid, carried out: each kind once in effect."""

import asyncio
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities.delivery_attentions import raise_failed, resolve_failed
from domain.actors import SYSTEM
from domain.buyer_message import BuyerMessage, MessageTopic
from domain.delivery import Delivery, DeliveryKind
from domain.model import Value
from domain.order import EventKind, Order
from domain.points import award_for
from domain.states import DeliveryStatus, OrderStatus
from infra.buyer_messages.protocol import MessageSender
from infra.postgres.deliveries import Deliveries
from infra.postgres.engine import Database
from infra.postgres.hot_path import HotPath
from infra.postgres.orders import Orders

log = structlog.get_logger()

ALL = frozenset(DeliveryKind)
OPEN = frozenset({DeliveryStatus.PENDING, DeliveryStatus.FAILED})
OWED_BY = frozenset({OrderStatus.PAID, OrderStatus.FULFILLED})
ERROR_CHARACTERS = 300


class PaidOrder(Value):
    order_id: str


class DeliverOne(Value):
    """One more try, by an operator if `actor` and `reason` say so."""

    order_id: str
    kind: DeliveryKind
    actor: str = SYSTEM
    reason: str = ""


class GiveUpDelivery(Value):
    order_id: str
    kind: DeliveryKind
    error: str


class SkipDelivery(Value):
    order_id: str
    kind: DeliveryKind
    actor: str
    reason: str


class Owed(Value):
    """Where an order stands: what is still `open`, each with its tries and its last error."""

    order_status: OrderStatus
    open: tuple[Delivery, ...] = ()


@dataclass(frozen=True)
class Due:
    """What an order is owed, of these `kinds`; `money` earns points. `fulfils` it with the last."""

    order: Order
    title: str
    money: tuple[int, ...]
    kinds: Set[DeliveryKind]
    fulfils: bool

    @property
    def award(self) -> int:
        return award_for(self.money)

    @property
    def ours(self) -> dict[DeliveryKind, str]:
        """What is delivered by writing it down, and what to say of it."""
        said = {
            DeliveryKind.POINTS: f"{self.award} points",
            DeliveryKind.ENTITLEMENT: f"{self.order.quantity} × {self.order.sku_id}",
        }
        return {kind: what for kind, what in said.items() if kind in self.kinds}


class DeliveryActivities:
    """Each may run twice, and beside itself. Raises only while Postgres is away."""

    def __init__(self, database: Database, sender: MessageSender) -> None:
        self._database = database
        self._sender = sender

    @activity.defn
    async def carry_out(self, paid: PaidOrder) -> Owed:
        """Try all that is pending, at once; with nothing left open the order is fulfilled."""
        due = await self._due(paid.order_id, {DeliveryStatus.PENDING})
        if due and await self._carry_out(due):
            return Owed(order_status=OrderStatus.FULFILLED)
        return await self._fulfil(paid.order_id)

    @activity.defn
    async def fulfil(self, paid: PaidOrder) -> Owed:
        """Fulfil a paid order once all is done or skipped. What an order owes that is being given
        back nobody waits for any more: it is skipped."""
        return await self._fulfil(paid.order_id)

    @activity.defn
    async def deliver_one(self, command: DeliverOne) -> Delivery:
        """Try one that is pending or failed once more."""
        if due := await self._due(command.order_id, OPEN, {command.kind}):
            await self._carry_out(due)
        async with self._database.transaction() as connection:
            # A refund may have begun while it was tried.
            await skip_if_given_back(connection, command.order_id)
            delivery = await _delivery(connection, command.order_id, command.kind)
            if command.actor != SYSTEM:
                await _record_decision(connection, delivery, EventKind.DELIVERY_RETRIED, command)
        return delivery

    @activity.defn
    async def give_up_delivery(self, command: GiveUpDelivery) -> Delivery:
        """Leave a pending one to a person."""
        order_id, kind, error = command.order_id, command.kind, command.error
        async with self._database.transaction() as connection:
            if await skip_if_given_back(connection, order_id) is None:
                given_up = await Deliveries(connection).change_status(
                    order_id, kind, {DeliveryStatus.PENDING}, DeliveryStatus.FAILED, error
                )
                if given_up:
                    tries = (await _delivery(connection, order_id, kind)).attempts
                    await raise_failed(connection, order_id, kind, error, tries=tries)
            return await _delivery(connection, order_id, kind)

    @activity.defn
    async def skip_delivery(self, command: SkipDelivery) -> Delivery:
        """What failed will not be delivered; an operator decided so."""
        order_id, kind = command.order_id, command.kind
        async with self._database.transaction() as connection:
            await Orders(connection).hold_still(order_id)
            skipped = await Deliveries(connection).change_status(
                order_id, kind, {DeliveryStatus.FAILED}, DeliveryStatus.SKIPPED, command.reason
            )
            delivery = await _delivery(connection, order_id, kind)
            if skipped:
                await _record_decision(connection, delivery, EventKind.DELIVERY_SKIPPED, command)
        return delivery

    async def _due(
        self,
        order_id: str,
        statuses: Collection[DeliveryStatus],
        kinds: Set[DeliveryKind] = ALL,
    ) -> Due | None:
        async with self._database.driver() as driver:
            owed = await HotPath(driver).owed(order_id, statuses)
        if owed is None or owed.order.status not in OWED_BY:
            return None
        return Due(
            order=owed.order,
            title=owed.title,
            money=owed.money,
            kinds=owed.kinds & kinds,
            # A decision on one of them is put on record before the order's end.
            fulfils=kinds == ALL,
        )

    async def _carry_out(self, due: Due) -> bool:
        """True if nothing is owed any more."""
        # Sending holds no connection of the pool, and a slow receiver delays nobody's points.
        ours, sent = await asyncio.gather(self._write(due, due.ours), self._send(due))
        return await self._write(due, sent) or ours

    async def _send(self, due: Due) -> Mapping[DeliveryKind, str]:
        if DeliveryKind.MESSAGE not in due.kinds:
            return {}
        order = due.order
        thanks = BuyerMessage(
            order_id=order.order_id,
            topic=MessageTopic.ORDER_PAID,
            user_id=order.user_id,
            sale_id=order.sale_id,
            sku_id=order.sku_id,
            title=due.title,
            quantity=order.quantity,
            amount=order.amount,
            currency=order.currency,
        )
        try:
            return {DeliveryKind.MESSAGE: await self._sender.send(thanks)}
        except Exception as error:
            # Counted and not raised: the points beside it must not be tried again for its sake.
            await self._count_failure(order.order_id, DeliveryKind.MESSAGE, error)
            return {}

    async def _write(self, due: Due, delivered: Mapping[DeliveryKind, str]) -> bool:
        order_id = due.order.order_id
        if not delivered:
            return False
        try:
            async with self._database.driver() as driver:
                return await HotPath(driver).deliver(
                    order_id, delivered, due.award, money=due.money, fulfil=due.fulfils
                )
        except Exception as error:
            if len(delivered) == 1:
                [kind] = delivered
                await self._count_failure(order_id, kind, error)
                return False
        # One that cannot be delivered must not keep the others back.
        alone = [await self._write(due, {kind: what}) for kind, what in delivered.items()]
        return any(alone)

    async def _count_failure(self, order_id: str, kind: DeliveryKind, error: Exception) -> None:
        log.warning("delivery_failed", order_id=order_id, kind=kind, error=repr(error)[:200])
        # Postgres keeps no NUL, and an error may say anything.
        said = f"{type(error).__name__}: {error}"[:ERROR_CHARACTERS].replace("\0", "")
        # While Postgres is away this raises: that says nothing about the delivery, and is no try.
        async with self._database.transaction() as connection:
            await Orders(connection).show_change(order_id)
            await Deliveries(connection).count_attempt(order_id, kind, said)

    async def _fulfil(self, order_id: str) -> Owed:
        async with self._database.transaction() as connection:
            orders = Orders(connection)
            owed = await Deliveries(connection).of_order(order_id)
            still_open = tuple(delivery for delivery in owed if delivery.status in OPEN)
            if not still_open and await orders.change_status(
                order_id, OrderStatus.PAID, OrderStatus.FULFILLED
            ):
                # Why one was skipped is the operator's own note, and the buyer reads this line.
                in_short = "; ".join(
                    f"{one.kind} {one.status}"
                    + (f": {one.detail}" if one.status is DeliveryStatus.DONE else "")
                    for one in owed
                )
                await orders.record(order_id, EventKind.FULFILLED, SYSTEM, in_short)
                return Owed(order_status=OrderStatus.FULFILLED)
            if given_back := await skip_if_given_back(connection, order_id):
                return Owed(order_status=given_back)
            order = await orders.get(order_id)
        if order is None:
            raise LookupError(f"there is no order {order_id}")
        return Owed(order_status=order.status, open=still_open)


async def skip_if_given_back(connection: AsyncConnection, order_id: str) -> OrderStatus | None:
    """Skip what an order owes that is being given back, or was: answers its status. None, and
    nothing done, for any other order."""
    # Locked until the commit, so that no refund begins between this look and what follows it.
    orders = Orders(connection)
    order = await orders.hold_still(order_id)
    if order is None or order.status in OWED_BY:
        return None
    deliveries = Deliveries(connection)
    why = f"the order is {order.status}"
    for delivery in await deliveries.of_order(order_id):
        if await deliveries.change_status(
            order_id, delivery.kind, OPEN, DeliveryStatus.SKIPPED, why
        ):
            await orders.show_change(order_id)
            await resolve_failed(connection, order_id, delivery.kind, SYSTEM, why)
    return order.status


async def _record_decision(
    connection: AsyncConnection,
    delivery: Delivery,
    event: EventKind,
    decision: DeliverOne | SkipDelivery,
) -> None:
    order_id, kind, actor, reason = (
        decision.order_id,
        decision.kind,
        decision.actor,
        decision.reason,
    )
    detail = f"{kind} is {delivery.status}: {reason}"
    await Orders(connection).record(order_id, event, actor, detail)
    if delivery.status not in OPEN:
        await resolve_failed(connection, order_id, kind, actor, reason)


async def _delivery(connection: AsyncConnection, order_id: str, kind: DeliveryKind) -> Delivery:
    for delivery in await Deliveries(connection).of_order(order_id):
        if delivery.kind is kind:
            return delivery
    raise LookupError(f"order {order_id} is owed no {kind}")
