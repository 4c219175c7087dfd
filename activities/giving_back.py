"""The stock of an order that has ended goes back in Redis, in the step that ends it if it can."""

import asyncio

import structlog

from domain.reservation import Intent, StockReturn
from infra.redis.stock_gate import StockGate

log = structlog.get_logger()

# Less than a local activity has: a Redis that is away must not undo the end in Postgres.
PATIENCE_SECONDS = 3.0


class GivingBack:
    def __init__(self, gate: StockGate) -> None:
        self._gate = gate

    async def try_to(self, intent: Intent, how: StockReturn) -> bool:
        """Whether it is back. Raises nothing: what cannot be done now is the workflow's to do, by a
        step that is tried without end and calls a person."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._gate.release(intent.item, intent.order_id, how)
        except Exception as error:
            log.warning("stock_goes_back_later", order_id=intent.order_id, error=repr(error)[:200])
            return False
        return True
