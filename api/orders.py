"""Where an order is looked up: in Postgres, or in Redis while it still waits in the queue."""

import asyncio
import time
from collections.abc import Set

from api.auth import Caller
from api.schemas.orders import OrderView, order_view, queued_view
from domain.errors import ErrorCode, Refusal
from domain.ids import is_order_id
from domain.order import OrderDossier
from domain.sale import ItemRef
from domain.states import OrderStatus
from infra.postgres.archived_orders import ArchivedOrders
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.stock import Stock
from infra.redis.stock_gate import StockGate

# A queued order has its row in a moment.
LOOK_AGAIN_SECONDS = 0.05


class OrderLookup:
    def __init__(self, database: Database, gate: StockGate) -> None:
        self._database = database
        self._gate = gate

    async def view(self, order_id: str, caller: Caller) -> OrderView:
        """Raises Refusal NOT_FOUND for an unknown order and for another user's."""
        found = await self._find(order_id)
        if found is None or not (found.user_id == caller.user_id or caller.is_operator):
            raise Refusal(ErrorCode.NOT_FOUND, "no such order")
        return found

    async def placed_view(self, order_id: str, caller: Caller, patience: float) -> OrderView:
        """The order once it is no longer queued, or as it is after `patience` seconds. Raises
        Refusal as `view` does."""
        deadline = time.monotonic() + patience
        while True:
            order = await self.view(order_id, caller)
            if order.status is not OrderStatus.QUEUED or time.monotonic() >= deadline:
                return order
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def dossier(self, order_id: str) -> OrderDossier | None:
        """As it stands, in use or in the archive. None for one that Postgres does not know."""
        if not is_order_id(order_id):
            return None
        async with self._database.transaction() as connection:
            found = await Orders(connection).dossier(order_id)
            return found or await ArchivedOrders(connection).dossier(order_id)

    async def status(self, order_id: str) -> OrderStatus | None:
        """None for an unknown order."""
        found = await self._find(order_id)
        return found.status if found else None

    async def _find(self, order_id: str) -> OrderView | None:
        dossier = await self.dossier(order_id)
        if dossier:
            return order_view(dossier)
        item = await self._gate.item_of(order_id)
        if item and (queued := await self._queued(item, order_id)):
            return queued
        # It may have left the queue between the two looks.
        dossier = await self.dossier(order_id)
        return order_view(dossier) if dossier else None

    async def _queued(self, ref: ItemRef, order_id: str) -> OrderView | None:
        reservation = await self._gate.reservation(ref, order_id)
        # A mark without a user was left by an undo: nobody was ever told this order id.
        if reservation is None or not reservation.user_id:
            return None
        async with self._database.transaction() as connection:
            item = await Stock(connection).item(ref)
        return queued_view(reservation, ref, item)


def refuse_unless(order: OrderView, allowed: Set[OrderStatus]) -> None:
    """Raises Refusal INVALID_STATE. Saves asking a workflow what the order's own state answers."""
    if order.status not in allowed:
        raise Refusal(
            ErrorCode.INVALID_STATE, f"the order is {order.status}", order_status=order.status
        )
