"""What nobody told us, and whom nobody told: payments whose notice did not come, and orders whose
workflow should be further, as rounds of the upkeep find them."""

import asyncio
from datetime import UTC, datetime, timedelta

import structlog
from temporalio import activity
from temporalio.service import RPCError

from activities.heartbeats import heartbeats
from activities.late_payments import OrdersToStart
from activities.payments import PaymentActivities, PaymentRef
from domain.model import Value
from domain.order import Order
from domain.payment import ASK_AFTER, Payment
from domain.states import PaymentStatus
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from notices.relay import NoticeRelay
from notices.telling import nobody_answers

log = structlog.get_logger()

BATCH = 200
AT_ONCE = 10
PAST_ITS_DEADLINE = timedelta(minutes=1)
PAID_AND_UNHEARD_OF = timedelta(minutes=10)


class LeftBehind(Value):
    """`asked` payments had no notice, of which `paid` were paid; `closed` were open at their
    providers although their orders are over; `started` orders had no workflow."""

    asked: int = 0
    closed: int = 0
    paid: int = 0
    started: int = 0


class LeftBehindActivities:
    def __init__(
        self,
        database: Database,
        payments: PaymentActivities,
        relay: NoticeRelay,
        orders: OrdersToStart,
    ) -> None:
        self._database = database
        self._payments = payments
        self._relay = relay
        self._orders = orders

    @activity.defn
    async def take_up_what_is_left(self) -> LeftBehind:
        """One round. A provider or a Temporal that is away is asked again in a later one."""
        now = datetime.now(UTC)
        async with heartbeats():
            async with self._database.transaction() as connection:
                due = await Payments(connection).claim_unanswered(now, BATCH)
                over = await Orders(connection).over({payment.order_id for payment in due})
                orders = await Orders(connection).left_behind(
                    now - PAST_ITS_DEADLINE, now - PAID_AND_UNHEARD_OF, BATCH
                )
            # Closed here it may be open there: its provider may have heard of it after that.
            to_close = [
                payment
                for payment in due
                if payment.status is PaymentStatus.CLOSED or payment.order_id in over
            ]
            to_ask = [payment for payment in due if payment not in to_close]
            few = asyncio.Semaphore(AT_ONCE)
            paid, closed = await asyncio.gather(
                asyncio.gather(*(self._ask(payment, few) for payment in to_ask)),
                asyncio.gather(*(self._close(payment, few) for payment in to_close)),
            )
            started = await self._start(orders)
        return LeftBehind(asked=len(paid), paid=sum(paid), closed=sum(closed), started=started)

    async def _close(self, payment: Payment, few: asyncio.Semaphore) -> bool:
        async with few:
            try:
                closed = await self._payments.close_payment(_ref(payment))
                if closed.receipt:
                    await self._relay.tell_of_money(payment.order_id, closed.receipt)
            except Exception as error:
                log.warning(
                    "payment_not_closed", payment_id=payment.payment_id, error=repr(error)[:200]
                )
                async with self._database.transaction() as connection:
                    later = datetime.now(UTC) + ASK_AFTER[0]
                    await Payments(connection).ask_again(payment.payment_id, later)
                return False
            if closed.receipt is None:
                async with self._database.transaction() as connection:
                    # The order before the payment, as everywhere: no deadlock.
                    await Orders(connection).hold_still(payment.order_id)
                    if await Payments(connection).change_status(
                        payment.payment_id, PaymentStatus.CREATED, PaymentStatus.CLOSED
                    ):
                        await Orders(connection).show_change(payment.order_id)
        return closed.receipt is None

    async def _ask(self, payment: Payment, few: asyncio.Semaphore) -> bool:
        async with few:
            try:
                trade = await self._payments.query_payment(_ref(payment))
                if trade.receipt is None:
                    return False
                await self._relay.tell_of_money(payment.order_id, trade.receipt)
            except Exception as error:
                log.warning(
                    "payment_not_asked", payment_id=payment.payment_id, error=repr(error)[:200]
                )
                return False
        return True

    async def _start(self, orders: list[Order]) -> int:
        started = 0
        for order in orders:
            try:
                started += await self._orders.start_order_again(order.input_of_its_workflow)
            except (RPCError, RuntimeError) as error:
                log.warning("order_not_started", order_id=order.order_id, error=repr(error)[:200])
                if nobody_answers(error):
                    break
        return started


def _ref(payment: Payment) -> PaymentRef:
    return PaymentRef(
        payment_id=payment.payment_id, order_id=payment.order_id, method=payment.method
    )
