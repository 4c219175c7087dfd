"""Sales' workflows, told of what operators do. Nothing waits for them, and nothing fails without
them: what they make sure of is done already."""

import asyncio
from typing import Protocol

import structlog
from temporalio.service import RPCError

from infra.background import ended

log = structlog.get_logger()

TELL_SECONDS = 5.0


class StartsSales(Protocol):
    async def start_sale(self, sale_id: str, *, is_news: bool = False) -> None:
        """Afterwards the sale's workflow runs, and looks. Raises RPCError or RuntimeError while
        Temporal is away."""


class SaleWorkflows:
    def __init__(self, workflows: StartsSales) -> None:
        self._workflows = workflows
        self._telling: set[asyncio.Task[None]] = set()

    def tell(self, sale_id: str) -> None:
        """That the sale was published, or changed, so that its workflow looks now. While Temporal
        is away workers find that out, or the workflow itself does."""
        telling = asyncio.create_task(self._tell(sale_id))
        # The loop alone would not keep it.
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def told(self) -> None:
        """Once all that was said has been heard, or cannot be."""
        await asyncio.gather(*self._telling)

    async def aclose(self) -> None:
        for telling in list(self._telling):
            await ended(telling)

    async def _tell(self, sale_id: str) -> None:
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._workflows.start_sale(sale_id, is_news=True)
        except (RPCError, RuntimeError, TimeoutError) as error:
            log.warning("sale_not_told", sale_id=sale_id, error=repr(error)[:200])
