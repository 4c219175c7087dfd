"""The orders' rows in Postgres: what is true of an order is what stands there."""

import asyncio
import time
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from domain.states import OrderStatus

POLL_SECONDS = 0.02
# A wait is known this exactly.
WATCH_SECONDS = 0.005

_PAID = (OrderStatus.PAID, OrderStatus.FULFILLED)
_COUNTS = """
SELECT count(*) AS payable, count(*) FILTER (WHERE status IN ('paid', 'fulfilled')) AS paid,
       count(*) FILTER (WHERE status = 'fulfilled') AS fulfilled
FROM orders WHERE sale_id = $1
"""
_STATUSES = "SELECT order_id, status FROM orders WHERE order_id = ANY($1)"


class Stage(StrEnum):
    """PAYABLE: the order's row is there, with a status of pending_payment or beyond."""

    PAYABLE = "payable"
    PAID = "paid"
    FULFILLED = "fulfilled"


class OrderRows:
    def __init__(self, database: Any) -> None:
        """`database`: a connection of asyncpg, used by nobody else at the same time."""
        self._database = database

    async def count(self, sale_id: str, stage: Stage) -> int:
        return int((await self._database.fetchrow(_COUNTS, sale_id))[stage])

    async def until(
        self, sale_id: str, stage: Stage, count: int, *, every_seconds: float = POLL_SECONDS
    ) -> float:
        """When so many orders of the sale had come that far, by `time.perf_counter`."""
        while await self.count(sale_id, stage) < count:  # noqa: ASYNC110 - other processes give no event
            await asyncio.sleep(every_seconds)
        return time.perf_counter()

    async def statuses(self, orders: Iterable[str]) -> dict[str, OrderStatus]:
        rows = await self._database.fetch(_STATUSES, list(orders))
        return {row["order_id"]: OrderStatus(row["status"]) for row in rows}


class OrderWatch:
    """Sees each of its orders reach its stages, and remembers when."""

    def __init__(self, rows: OrderRows) -> None:
        self._rows = rows
        self._awaited: dict[Stage, dict[str, asyncio.Future[float]]] = {
            stage: {} for stage in Stage
        }

    def expect(self, order_id: str, stage: Stage) -> asyncio.Future[float]:
        """Done when the order has come that far; its result is when, by `time.perf_counter`."""
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        return self._awaited[stage].setdefault(order_id, future)

    async def run(self) -> None:
        """For ever; to be run beside what expects something."""
        while True:
            if orders := {order for awaited in self._awaited.values() for order in awaited}:
                for order_id, status in (await self._rows.statuses(orders)).items():
                    self._seen(order_id, status)
            await asyncio.sleep(WATCH_SECONDS)

    def _seen(self, order_id: str, status: OrderStatus) -> None:
        reached = [Stage.PAYABLE]
        reached += [Stage.PAID] if status in _PAID else []
        reached += [Stage.FULFILLED] if status is OrderStatus.FULFILLED else []
        for stage in reached:
            future = self._awaited[stage].pop(order_id, None)
            if future and not future.done():
                future.set_result(time.perf_counter())
