"""Placing an order: its stock reserved in Redis, held in Postgres, and released in both."""

import asyncio
import contextlib
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.first_step import FirstStepActivities, TakeUpOrder
    from activities.orders import (
        EndOrder,
        MoveDeadline,
        OrderActivities,
        PlacedOrder,
        PlaceOrder,
        RejectOrder,
    )
    from activities.stock import ReleaseStock, StockActivities
    from domain import actors
    from domain.order import RejectReason
    from domain.quoting import quoted
    from domain.reservation import Intent, StockReturn
    from domain.states import GIVEN_BACK, NEVER_SOLD, OrderStatus
    from workflows.details import Details, update_search
    from workflows.policies import ENDS_IN_FEW_EVENTS, run_locally_first, run_until_done
    from workflows.saga import NotToBeUndone, Saga
    from workflows.updates import CancelOrder, ExtendDeadline


@dataclass(frozen=True)
class Ending:
    """How an order that came to no sale ends, and who wanted it so."""

    status: OrderStatus
    reason: str
    actor: str = actors.SYSTEM

    @classmethod
    def wanted_by(cls, cancel: CancelOrder) -> "Ending":
        return cls(OrderStatus.CANCELLED, cancel.reason, cancel.actor)

    @property
    def told(self) -> str:
        if self.actor == actors.SYSTEM:
            return self.reason
        return f"{quoted(self.actor)} says {quoted(self.reason)}"


TOO_LATE = Ending(OrderStatus.TIMED_OUT, "not paid in time")
IN_TEMPORAL = Ending(OrderStatus.CANCELLED, "cancelled in Temporal", actors.IN_TEMPORAL)
BROKEN = Ending(OrderStatus.CANCELLED, "a step failed for good")


class Placement:
    """The first two steps of the saga, each with its undo registered before it is tried."""

    def __init__(self, intent: Intent, details: Details) -> None:
        self._intent = intent
        self._details = details
        self._saga = Saga()
        self._ending = BROKEN
        self._closed: tuple[str, ...] | None = None
        self._granted = False
        self._is_given_back = False
        self._return = StockReturn.RELEASE
        self._extending = asyncio.Lock()
        self.placed = PlacedOrder()

    async def reserve_and_place(self) -> RejectReason | None:
        """Reserve in Redis and write the order in Postgres, or find both done; then `placed` is the
        order as it stands, which may be over. Answers why there is none."""
        self._saga.before_doing(self._release_stock)
        self._saga.before_doing(self._cancel_order)
        command = TakeUpOrder(**self._intent.model_dump(), placed_at=workflow.now())
        reserved = await run_locally_first(
            FirstStepActivities.reserve_stock,
            command,
            "reserve stock and write the order",
            when_delayed=self._tell_delay,
        )
        self._granted = reserved.rejected is None
        # The answer says how far the step has gone, and is in the history: one of an earlier
        # release has only reserved. A patch would cost each order two events.
        if reserved.placed:
            self.placed = reserved.placed
            return reserved.placed.refused
        if reserved.rejected and not await self._stands_all_the_same():
            return reserved.rejected
        return await self._place()

    async def _stands_all_the_same(self) -> bool:
        """Whether Postgres has the order, although Redis refuses it. Then `_place` finds it."""
        if not workflow.patched("postgres-before-rejecting"):
            return False
        # Only asked, because placing it now would pass by the gate that refuses it.
        return await run_locally_first(
            OrderActivities.order_stands, self._intent, "does Postgres have the order?"
        )

    async def _place(self) -> RejectReason | None:
        command = PlaceOrder(intent=self._intent, placed_at=workflow.now())
        self.placed = await run_locally_first(
            OrderActivities.place_order,
            command,
            "write the order",
            when_delayed=self._tell_delay,
        )
        return self.placed.refused

    @property
    def is_over(self) -> bool:
        """Whether the order was found ended, or being given back: by another run, or by a refund.
        Then nothing is to be paid or delivered."""
        order = self.placed.order
        return order is not None and order.status in NEVER_SOLD | GIVEN_BACK

    def extending(self) -> AbstractAsyncContextManager[None]:
        """Held from reading a deadline until the new one is written: each extension adds to the
        one before it."""
        in_turn = not self._extending.locked() or workflow.patched("extensions-in-turn")
        return self._extending if in_turn else contextlib.nullcontext()

    async def extend(self, update: ExtendDeadline) -> datetime:
        """Hold the stock of a placed order that much longer; answers until when."""
        order = self.placed.to_pay
        deadline = self.placed.deadline + timedelta(seconds=update.seconds)
        command = MoveDeadline(
            order_id=order.order_id,
            pay_deadline=deadline,
            actor=update.actor,
            reason=update.reason,
        )
        # A local activity would be forgotten with a lost task, and the buyer's deadline believed.
        on_record = workflow.patched("extensions-on-record")
        run = run_until_done if on_record else run_locally_first
        await run(OrderActivities.extend_deadline, command, "extend the deadline")
        extended = order.model_copy(update={"pay_deadline": deadline})
        self.placed = self.placed.model_copy(update={"order": extended})
        return deadline

    async def reject(self, reason: RejectReason) -> None:
        """Put the rejection on record, then release what was taken."""
        # RELEASED is no drift: an earlier run of this order has given its stock back itself.
        again = self._granted and reason is RejectReason.RELEASED
        drift = self._granted and reason is not RejectReason.RELEASED
        if drift and reason is RejectReason.SOLD_OUT:
            # A unit that Redis promised and Postgres never had must not go back on sale.
            self._return = StockReturn.DROP
        command = RejectOrder(intent=self._intent, reason=reason, drift=drift)
        await run_locally_first(OrderActivities.reject_order, command, f"reject: {reason}")
        # But what this run has reserved since then, when Redis no longer knew of it, must go back.
        if drift or (again and workflow.patched("undo-when-released")):
            await self.undo(Ending(OrderStatus.REJECTED, reason))

    async def undo(self, ending: Ending, closed: tuple[str, ...] | None = None) -> bool:
        """Compensate: what was begun is taken back, the order first and its stock last. `closed`
        are the payments that can take no money any more. False, with `placed` as it is now, when
        the order has come further in Postgres than this run knows."""
        self._ending, self._closed = ending, closed
        try:
            await self._saga.compensate()
        except NotToBeUndone:
            return False
        return True

    async def sell(self, *, is_sold: bool) -> None:
        """The stock is the buyer's now; from here the saga only goes forward. `is_sold`: Redis
        knows."""
        self._saga.pass_point_of_no_return()
        if not is_sold:
            await run_locally_first(
                StockActivities.confirm_stock, self._intent, "mark stock as sold"
            )

    def _tell_delay(self) -> None:
        self._details.add("not done at once, tried until it is")
        # Search was told at the start what the order would be in a moment, and is not.
        update_search(OrderStatus.QUEUED)

    async def _release_stock(self) -> None:
        if self._is_given_back:
            return
        command = ReleaseStock(intent=self._intent, how=self._return)
        await run_until_done(StockActivities.release_stock, command, "release the stock")

    async def _cancel_order(self) -> None:
        few = workflow.patched(ENDS_IN_FEW_EVENTS)
        command = EndOrder(
            intent=self._intent,
            status=self._ending.status,
            reason=self._ending.reason,
            actor=self._ending.actor,
            closed=self._closed,
            whatever_it_is=True,
            give_back=self._return if few else None,
        )
        # A lost task may have ended it in another way. That is found, and believed.
        run = run_locally_first if few else run_until_done
        stands = await run(OrderActivities.cancel_order, command, "cancel the order")
        if stands and stands.is_given_back:
            self._is_given_back = True
        elif stands:
            self.placed = stands
            # What has ended otherwise gives its stock back all the same, and nothing else does:
            # Postgres has said first that it is nobody's.
            if stands.to_pay.status not in NEVER_SOLD:
                raise NotToBeUndone
