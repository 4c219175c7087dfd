"""Looks after what rooms leave behind in Redis: changes become rows, and pools are drawn."""

import asyncio

from redis.asyncio import Redis

from dispatching.draws import Draws
from dispatching.patience import keep_on, pause
from dispatching.room_rows import RoomRows
from infra.postgres.engine import Database
from infra.redis.room_gate import RoomGate

LOOK_SECONDS = 0.2


class RoomKeeper:
    """Without Temporal: no opening waits for it."""

    def __init__(self, redis: Redis, database: Database) -> None:
        self._rooms = RoomGate(redis)
        self._rows = RoomRows(redis, database)
        self._draws = Draws(redis, database)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, more slowly while a store is away."""
        await keep_on(stop, lambda: self._look(stop))

    async def _look(self, stop: asyncio.Event) -> None:
        items = await self._rooms.live()
        has_more = await self._rows.keep(items)
        for item in items:
            await self._draws.draw_if_due(item)
        if not has_more:
            await pause(stop, LOOK_SECONDS)
