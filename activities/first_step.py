"""The order saga's first step: its stock reserved in Redis and its order written in Postgres.

As a rule both are found done. Postgres is asked first, because Redis may have lost what it
granted: an order that stands is the buyer's whatever Redis says, and one that is over stays over.
"""

from datetime import datetime

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.orders import OrderActivities, PlacedOrder, PlaceOrder
from domain.attention import AttentionKind
from domain.model import Value
from domain.order import Order, RejectReason
from domain.reservation import GateVerdict, Intent, ReserveRequest, StockReturn
from domain.states import NEVER_SOLD, OrderStatus
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.redis.stock_gate import StockGate

log = structlog.get_logger()

ITEM_NOT_PREHEATED = "ItemNotPreheated"


class TakeUpOrder(Intent):
    """`placed_at` is the order's time if it is to be written now. Without it, as the release before
    this one asked, stock is reserved and nothing else."""

    placed_at: datetime | None = None


class Reserved(Value):
    """`rejected` says why the gate holds no stock for the order; None means it does. `placed` is
    what became of the order in Postgres, where this step has seen to that as well."""

    rejected: RejectReason | None = None
    placed: PlacedOrder | None = None


class FirstStepActivities:
    def __init__(self, database: Database, gate: StockGate, orders: OrderActivities) -> None:
        self._database = database
        self._gate = gate
        self._orders = orders

    @activity.defn
    async def reserve_stock(self, command: TakeUpOrder) -> Reserved:
        """Find the order and its reservation, or make them. One that is over in Postgres is left
        as it is, and what Redis still holds for it goes back.

        Raises a retryable `ItemNotPreheated` when an accepted order's item is gone from Redis.
        """
        if command.placed_at is None:
            return Reserved(rejected=await self._reserve(command))
        if standing := await self._as_it_stands(command):
            return Reserved(placed=standing)
        rejected = await self._reserve(command)
        if rejected:
            placed = PlacedOrder(rejected=rejected)
        else:
            place = PlaceOrder(intent=command, placed_at=command.placed_at)
            placed = await self._orders.place_order(place)
        if placed.order:
            return Reserved(placed=placed)
        # Asked again: it may have been placed, or ended, just now.
        if standing := await self._as_it_stands(command):
            return Reserved(placed=standing)
        return Reserved(rejected=rejected, placed=placed)

    async def _reserve(self, intent: Intent) -> RejectReason | None:
        accepted = intent.accepted_at_ms > 0
        answer = await self._gate.reserve(
            ReserveRequest(
                item=intent.item,
                order_id=intent.order_id,
                user_id=intent.user_id,
                quantity=intent.quantity,
                late=accepted,
            )
        )
        if answer.verdict is GateVerdict.RESERVED:
            return None
        if answer.verdict is GateVerdict.NOT_FOUND and accepted:
            # The buyer was told "yours": he waits for the item to be rebuilt, and is not rejected.
            raise ApplicationError(
                "Redis does not know the item; run `seckill audit --repair`",
                type=ITEM_NOT_PREHEATED,
            )
        return RejectReason(answer.verdict.value)

    async def _as_it_stands(self, intent: Intent) -> PlacedOrder | None:
        standing = await self._orders.standing(intent.order_id)
        if standing is None:
            return None
        order = standing.to_pay
        if order.status is OrderStatus.PENDING_PAYMENT:
            await self._hold(order)
        elif order.status in NEVER_SOLD:
            await self._gate.release(order.item, order.order_id, _how_it_goes_back(order))
        return standing

    async def _hold(self, order: Order) -> None:
        missing = await self._gate.hold(order.intent)
        if missing is None:
            # It is the buyer's by Postgres, so it goes on; a repair tells Redis.
            log.warning("order_stands_without_item", order_id=order.order_id)
        elif missing:
            async with self._database.transaction() as connection:
                await Attentions(connection).raise_(
                    AttentionKind.STOCK_DRIFT,
                    order.order_id,
                    order_id=order.order_id,
                    what=f"Redis had granted {missing} units of a standing order to others",
                    advice="Run `seckill audit --repair` to rebuild the item in Redis.",
                )


def _how_it_goes_back(order: Order) -> StockReturn:
    # A unit that Redis promised and Postgres never had must not go back on sale.
    promised_in_vain = (OrderStatus.REJECTED, RejectReason.SOLD_OUT)
    return (
        StockReturn.DROP
        if (order.status, order.reason) == promised_in_vain
        else StockReturn.RELEASE
    )
