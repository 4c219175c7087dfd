"""Where a crowd reads how its orders stand: one look for all, as each looking for itself would
keep the town from doing anything else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.support.town import OPERATOR, PATIENCE_SECONDS, Town

LOOK_EVERY_SECONDS = 0.15


@dataclass
class Board:
    """The statuses of the newest orders; those still queued are not on it."""

    town: Town
    orders: int
    _statuses: dict[str, str] = field(default_factory=dict)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    async def until(self, order_id: str, *statuses: str) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: self._statuses.get(order_id) in statuses)
            return self._statuses[order_id]

    async def _keep(self) -> None:
        while True:
            page = {"limit": self.orders}
            answer = await self.town.api.get("/v1/operator/orders", params=page, headers=OPERATOR)
            async with self._changed:
                for order in answer.json().get("orders", ()):
                    self._statuses[order["order_id"]] = order["status"]
                self._changed.notify_all()
            await asyncio.sleep(LOOK_EVERY_SECONDS)
