"""The statuses of many orders, read in one request for all: if each order's people asked for
themselves, the system would do nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.support.polling import PATIENCE_SECONDS
from tests.support.whole_system import OPERATOR, WholeSystem

LOOK_EVERY_SECONDS = 0.3


@dataclass
class OrderStatuses:
    """The newest `orders` of them; those still queued are not among them."""

    system: WholeSystem
    orders: int
    _statuses: dict[str, str] = field(default_factory=dict)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @asynccontextmanager
    async def refreshed(self) -> AsyncIterator[None]:
        refreshing = asyncio.create_task(self._refresh_for_ever())
        try:
            yield
        finally:
            refreshing.cancel()
            with suppress(asyncio.CancelledError):
                await refreshing

    async def until(self, order_id: str, *statuses: str) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: self._statuses.get(order_id) in statuses)
            return self._statuses[order_id]

    async def _refresh_for_ever(self) -> None:
        while True:
            page = {"limit": self.orders}
            answer = await self.system.api.get("/v1/operator/orders", params=page, headers=OPERATOR)
            async with self._changed:
                for order in answer.json().get("orders", ()):
                    self._statuses[order["order_id"]] = order["status"]
                self._changed.notify_all()
            await asyncio.sleep(LOOK_EVERY_SECONDS)
