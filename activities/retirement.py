"""Items that are over leave Redis, where each would cost memory for ever."""

from datetime import datetime

import structlog
from temporalio import activity

from domain.model import Value
from domain.reservation import ReservationState
from domain.sale import ItemRef
from infra.postgres.engine import Database
from infra.postgres.retirement import Retirement
from infra.redis.stock_gate import StockGate

log = structlog.get_logger()

ORDERS_PER_QUERY = 500


class RetireItems(Value):
    ended_before: datetime


class Retired(Value):
    """How many items were retired now, and how many Redis has forgotten."""

    items: int = 0
    forgotten: int = 0


class RetirementActivities:
    def __init__(self, database: Database, gate: StockGate) -> None:
        self._database = database
        self._gate = gate

    @activity.defn
    async def retire_items(self, command: RetireItems) -> Retired:
        """Retires each item whose sale has ended, whose orders and refunds are all over and of
        which nothing waits in Redis. May be repeated, and cut off in between."""
        async with self._database.transaction() as connection:
            due = await Retirement(connection).due(command.ended_before)
        retired = 0
        for item in due:
            activity.heartbeat(retired)
            if not await self._is_over_at_the_gate(item):
                continue
            async with self._database.transaction() as connection:
                retired += await Retirement(connection).retire(item, command.ended_before)
        return Retired(items=retired, forgotten=await self._forget_retired())

    async def _is_over_at_the_gate(self, item: ItemRef) -> bool:
        """Whether Redis knows of no order that Postgres does not."""
        if await self._gate.is_awaited(item):
            return False
        sold: list[str] = []
        async for reservation in self._gate.reservations(item):
            # Its workflow is on its way to Postgres, or an audit has to look at it.
            if reservation.state is ReservationState.HELD:
                return False
            if reservation.state is ReservationState.SOLD:
                sold.append(reservation.order_id)
            if len(sold) == ORDERS_PER_QUERY:
                if not await self._are_known(sold):
                    return False
                sold.clear()
        return await self._are_known(sold)

    async def _are_known(self, order_ids: list[str]) -> bool:
        activity.heartbeat()
        async with self._database.transaction() as connection:
            return await Retirement(connection).knows_all(order_ids)

    async def _forget_retired(self) -> int:
        """Also what an earlier round left, and what an old copy of Redis brought back."""
        listed = await self._gate.items()
        async with self._database.transaction() as connection:
            retired = await Retirement(connection).retired(listed.keys())
        forgotten = 0
        for number in sorted(retired):
            activity.heartbeat(forgotten)
            if await self._gate.retire(number, listed[number]):
                forgotten += 1
                log.info("item_retired", **listed[number].model_dump())
        return forgotten
