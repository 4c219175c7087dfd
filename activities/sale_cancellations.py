"""Undoing a sale that was cancelled: a walk over its orders, page by page, until a whole pass finds
nothing to do. What was done is read in Postgres and never remembered here."""

import asyncio
from typing import Protocol

import structlog
from temporalio import activity

from activities.sales import SaleRef
from domain.errors import Refusal
from domain.model import Value
from domain.order import Order
from domain.refund import RefundRequest
from domain.refund_rules import RefundWish, plan_refund
from domain.reservation import Intent
from domain.sale_cancellation import TO_GIVE_UP, Cancellation
from domain.states import RefundStatus
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.sale_cancellations import Place, SaleCancellations
from infra.redis.stock_gate import StockGate
from infra.sale_at_gate import SaleAtGate

log = structlog.get_logger()

PAGE = 200
AT_ONCE = 10
# So many seconds of refund calls are asked for ahead: enough to keep the paced queue busy, and no
# more than a pause may still let through.
SECONDS_AHEAD = 5.0
LEAST_AHEAD = 5


class WalkCursor(Value):
    sku_id: str = ""
    user_id: str = ""
    order_id: str = ""


class UndoOrders(Value):
    sale_id: str
    after: WalkCursor | None = None


class Undone(Value):
    """One step of the walk. `after`: where the next one begins; None at the end of a pass. `found`
    orders were not undone yet, of which `given_up` and `given_back` were told to be. `is_paused`:
    nothing was looked at. `is_full`: as much is asked for as may be ahead."""

    after: WalkCursor | None = None
    found: int = 0
    given_up: int = 0
    given_back: int = 0
    is_paused: bool = False
    is_full: bool = False


class Finished(Value):
    to_do: int
    done: int
    failed: int


class OrdersToUndo(Protocol):
    """Workflows are in a room above this one. Each raises RPCError while Temporal is away."""

    async def give_up_order(self, intent: Intent, actor: str, reason: str) -> None:
        """Afterwards its workflow knows that it is to be given up; a lost one is started."""

    async def start_refund_in_bulk(self, request: RefundRequest) -> bool:
        """False when it runs already."""


class SaleCancellationActivities:
    """`refund_calls_per_second`: how fast providers are asked for refunds, all workers together."""

    def __init__(
        self,
        database: Database,
        gate: StockGate,
        workflows: OrdersToUndo,
        refund_calls_per_second: float,
    ) -> None:
        self._database = database
        self._at_gate = SaleAtGate(database, gate)
        self._workflows = workflows
        self._ahead = max(LEAST_AHEAD, int(SECONDS_AHEAD * refund_calls_per_second))

    @activity.defn
    async def stop_selling(self, ref: SaleRef) -> None:
        """Whoever cancelled the sale did this as well, unless Redis was away."""
        await self._at_gate.bring(ref.sale_id)
        async with self._database.transaction() as connection:
            await SaleCancellations(connection).begin(ref.sale_id)

    @activity.defn
    async def undo_orders(self, command: UndoOrders) -> Undone:
        """One page: unpaid orders are given up, paid ones given back. A repeat finds each as it is
        by then."""
        after = command.after
        place = Place(**after.model_dump()) if after else Place()
        async with self._database.transaction() as connection:
            cancellations = SaleCancellations(connection)
            cancellation = await cancellations.get(command.sale_id)
            if cancellation is None or cancellation.paused_at:
                return Undone(after=after, is_paused=cancellation is not None)
            may_ask = self._ahead - await cancellations.asked_for(command.sale_id)
            found = await cancellations.to_undo(command.sale_id, place, PAGE)
        page = _as_many(found, may_ask)
        few = asyncio.Semaphore(AT_ONCE)
        told = await asyncio.gather(*(self._undo(order, cancellation, few) for order in page))
        is_full = len(page) < len(found)
        ended = len(found) < PAGE and not is_full
        return Undone(
            after=None if ended else _after(page[-1]) if page else after,
            found=sum(one is not None for one in told),
            given_up=sum(one is False for one in told),
            given_back=sum(one is True for one in told),
            is_full=is_full,
        )

    async def _undo(
        self, order: Order, cancellation: Cancellation, few: asyncio.Semaphore
    ) -> bool | None:
        """Whether money of it goes back; None where it waits for a person."""
        async with few:
            if order.status in TO_GIVE_UP:
                await self._workflows.give_up_order(
                    order.input_of_its_workflow, cancellation.actor, cancellation.reason
                )
                return False
            async with self._database.transaction() as connection:
                dossier = await Orders(connection).dossier(order.order_id)
            if dossier is None:
                return None
            if any(refund.status is RefundStatus.FAILED for refund in dossier.refunds):
                return None
            wish = RefundWish(actor=cancellation.actor, note=cancellation.reason)
            try:
                plan = plan_refund(dossier, wish)
            except Refusal as refusal:
                # A part of it is just going back, or it was paid a moment ago: the next pass sees.
                log.info("order_not_undone_yet", order_id=order.order_id, why=refusal.detail)
                return True
            if isinstance(plan, RefundRequest):
                await self._workflows.start_refund_in_bulk(plan)
            return True

    @activity.defn
    async def finish_cancellation(self, ref: SaleRef) -> Finished:
        async with self._database.transaction() as connection:
            cancellations = SaleCancellations(connection)
            if await cancellations.finish(ref.sale_id):
                log.info("sale_undone", sale_id=ref.sale_id)
            progress = await cancellations.progress(ref.sale_id)
        return Finished(to_do=progress.to_do, done=progress.done, failed=progress.failed)


def _as_many(orders: list[Order], may_ask: int) -> list[Order]:
    """Up to the first whose refund would be one too many."""
    for index, order in enumerate(orders):
        if order.status not in TO_GIVE_UP:
            may_ask -= 1
            if may_ask < 0:
                return orders[:index]
    return orders


def _after(order: Order) -> WalkCursor:
    return WalkCursor(sku_id=order.sku_id, user_id=order.user_id, order_id=order.order_id)
