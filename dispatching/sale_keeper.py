"""Sees that each sale that is not over has its workflow: who published it may have met a Temporal
that was away, and a Temporal that lost its database has lost them all."""

import asyncio
import random
from typing import Protocol

import structlog

from dispatching.patience import pause
from infra.postgres.engine import Database
from infra.postgres.sale_ends import SaleEnds, Unsettled

log = structlog.get_logger()

LOOK_SECONDS = 60.0
PAGE = 100
AT_ONCE = 10


class StartsSales(Protocol):
    async def start_sale(self, sale_id: str, *, is_news: bool = False) -> None:
        """Afterwards the sale's workflow runs. Raises RPCError or RuntimeError while Temporal is
        away."""


class SaleKeeper:
    """Runs in each worker process: a start that finds the workflow running changes nothing."""

    def __init__(self, database: Database, workflows: StartsSales) -> None:
        self._database = database
        self._workflows = workflows

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; nothing that fails ends it."""
        while not stop.is_set():
            try:
                await self.look()
            except Exception as error:
                log.warning("sales_not_looked_after", error=repr(error)[:200])
            # At random, or all workers that were started at one moment would ask at one moment.
            await pause(stop, LOOK_SECONDS * random.uniform(0.9, 1.1))  # noqa: S311

    async def look(self) -> int:
        """Once over all sales without a report; answers how many those are."""
        few, count, last = asyncio.Semaphore(AT_ONCE), 0, ""

        async def start(sale: Unsettled) -> None:
            async with few:
                await self._workflows.start_sale(sale.sale_id, is_news=sale.is_news)

        while True:
            async with self._database.transaction() as connection:
                page = await SaleEnds(connection).unsettled(last, PAGE)
            await asyncio.gather(*map(start, page))
            count += len(page)
            if len(page) < PAGE:
                return count
            last = page[-1].sale_id
