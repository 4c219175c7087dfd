"""Stock for one order: reserved in Redis, held in Postgres, and given back in both."""

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import orders as placing
    from activities.orders import CancelOrder, OrderActivities, PlaceOrder, RejectOrder
    from activities.stock import ReleaseStock, StockActivities
    from domain.actors import SYSTEM
    from domain.order import Order, RejectReason
    from domain.payment import Payment
    from domain.reservation import Intent
    from domain.states import OrderStatus
    from workflows.policies import persistently, promptly
    from workflows.saga import Saga
    from workflows.updates import ExtendDeadline


class Ending:
    """How a story that came to no sale ends, and who wanted it so."""

    def __init__(self, status: OrderStatus, reason: str, actor: str = SYSTEM) -> None:
        self.status, self.reason, self.actor = status, reason, actor


class StockHold:
    """The first two steps of the saga, each with its undo registered before it is tried.

    `delayed` is called when one of them cannot be done at once.
    """

    def __init__(self, intent: Intent, delayed: Callable[[], None]) -> None:
        self._intent = intent
        self._delayed = delayed
        self._saga = Saga()
        self._ending = Ending(OrderStatus.CANCELLED, "a step failed for good")
        self._phantom_unit = False
        self.order: Order | None = None
        self.title = intent.sku_id
        self.points_amount: int | None = None
        self.open_payments: tuple[Payment, ...] = ()

    async def reserve(self) -> RejectReason | None:
        """Reserve in Redis; answers why not, or None."""
        self._saga.before_doing(self._release_stock)
        reserved = await promptly(
            StockActivities.reserve_stock, self._intent, "reserve stock", delayed=self._delayed
        )
        return reserved.rejected

    async def place(self) -> RejectReason | None:
        """Write the order in Postgres and hold its stock there; answers why not, or None."""
        self._saga.before_doing(self._cancel_order)
        command = PlaceOrder(intent=self._intent, placed_at=workflow.now())
        placed = await promptly(
            OrderActivities.place_order, command, "write the order", delayed=self._delayed
        )
        self.order, self.title = placed.order, placed.title or self.title
        self.points_amount, self.open_payments = placed.points_amount, placed.open_payments
        return None if placed.order else placed.rejected or RejectReason.SOLD_OUT

    async def extend(self, order: Order, command: ExtendDeadline) -> datetime:
        """Hold the stock that much longer; answers until when."""
        deadline = (order.pay_deadline or order.created_at) + timedelta(seconds=command.seconds)
        change = placing.ExtendDeadline(
            order_id=order.order_id,
            pay_deadline=deadline,
            actor=command.actor,
            reason=command.reason,
        )
        await promptly(OrderActivities.extend_deadline, change, "extend the deadline")
        self.order = order.model_copy(update={"pay_deadline": deadline})
        return deadline

    async def reject(self, reason: RejectReason, *, drift: bool) -> None:
        """Put the rejection on record, then give back what was taken. `drift`: Redis had granted
        what Postgres refuses, so a unit Postgres never had must not go back on sale."""
        self._phantom_unit = drift and reason is RejectReason.SOLD_OUT
        command = RejectOrder(intent=self._intent, reason=reason, drift=drift)
        await promptly(OrderActivities.reject_order, command, f"reject: {reason}")
        if drift:
            await self.give_back(Ending(OrderStatus.REJECTED, reason))

    async def give_back(self, ending: Ending) -> None:
        self._ending = ending
        await self._saga.compensate()

    async def hand_over(self) -> None:
        """The stock is the buyer's now; from here the story only goes forward."""
        self._saga.pass_point_of_no_return()
        await promptly(StockActivities.confirm_stock, self._intent, "mark stock as sold")

    async def _release_stock(self) -> None:
        command = ReleaseStock(intent=self._intent, return_stock=not self._phantom_unit)
        await persistently(StockActivities.release_stock, command, "give stock back")

    async def _cancel_order(self) -> None:
        command = CancelOrder(
            intent=self._intent,
            status=self._ending.status,
            reason=self._ending.reason,
            actor=self._ending.actor,
        )
        await persistently(OrderActivities.cancel_order, command, "cancel the order")
