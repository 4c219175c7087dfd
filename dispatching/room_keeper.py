"""Looks after what rooms leave behind in Redis: changes become rows, and pools are drawn."""

import asyncio

import structlog
from redis.asyncio import Redis

from dispatching.draws import Draws
from dispatching.patience import keep_on, pause, store_is_away
from dispatching.room_rows import RoomRows
from domain.sale import ItemRef
from infra.postgres.engine import Database
from infra.redis.room_gate import RoomGate

log = structlog.get_logger()

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
            await self._draw(item)
        if not has_more:
            await pause(stop, LOOK_SECONDS)

    async def _draw(self, item: ItemRef) -> None:
        try:
            await self._draws.draw_if_due(item)
        except Exception as error:
            if store_is_away(error):
                raise
            # What is wrong with one draw must not keep others, and rows, from being looked after.
            log.exception("draw_failed", **item.model_dump())
