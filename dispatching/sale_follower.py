"""Makes sure of commands to sales: what broke off between Postgres and the gate is gone on with."""

import asyncio

import structlog
from redis.asyncio import Redis

from dispatching.patience import keep_on, pause, store_is_away
from infra.postgres.engine import Database
from infra.postgres.sale_commands import SaleCommands
from infra.redis.stock_gate import StockGate
from infra.sale_at_gate import SaleAtGate

log = structlog.get_logger()

LOOK_SECONDS = 1.0


class SaleFollower:
    """Without Temporal: a pause does not wait for it."""

    def __init__(self, redis: Redis, database: Database) -> None:
        self._database = database
        self._gate = StockGate(redis)
        self._at_gate = SaleAtGate(database, self._gate)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, more slowly while a store is away."""
        await keep_on(stop, lambda: self._look(stop))

    async def _look(self, stop: asyncio.Event) -> None:
        async with self._database.transaction() as connection:
            versions = await SaleCommands(connection).versions()
        listed = [item for item in (await self._gate.items()).values() if item.sale_id in versions]
        behind = {
            item.sale_id
            for item, followed in zip(
                listed, await self._gate.commands.followed(listed), strict=True
            )
            # Ahead is what a command left that was never committed; what is lost is for a repair.
            if followed.is_stopped or followed.version not in (None, versions[item.sale_id])
        }
        for sale_id in sorted(behind):
            await self._follow(sale_id)
        await pause(stop, LOOK_SECONDS)

    async def _follow(self, sale_id: str) -> None:
        try:
            await self._at_gate.bring(sale_id)
        except Exception as error:
            if store_is_away(error):
                raise
            # What is wrong with one sale must not keep others from being followed.
            log.exception("sale_not_followed", sale_id=sale_id)
