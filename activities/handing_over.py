"""What follows once an order is paid, done in the step that settles it as far as it can be."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from activities.deliveries import DeliveryActivities, Owed, PaidOrder
from activities.stock import StockActivities
from domain.reservation import Intent

log = structlog.get_logger()

# Less than a local activity has: a receiver of messages that is slow must not undo the settling.
PATIENCE_SECONDS = 3.0

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class HandedOver:
    """`sold`: Redis knows that the stock is the buyer's. `owed`: what is still to be delivered, all
    having been tried once; None where that did not come to an end."""

    sold: bool
    owed: Owed | None


class HandingOver:
    def __init__(self, stock: StockActivities, deliveries: DeliveryActivities) -> None:
        self._stock = stock
        self._deliveries = deliveries

    async def try_to(self, intent: Intent) -> HandedOver:
        """Raises nothing: what cannot be done now is the workflow's to do, step by step."""

        async def sell() -> bool:
            await self._stock.confirm_stock(intent)
            return True

        paid = PaidOrder(order_id=intent.order_id)
        # Side by side, because neither waits for the other.
        sold, owed = await asyncio.gather(
            _in_time(sell(), intent), _in_time(self._deliveries.carry_out(paid), intent)
        )
        return HandedOver(sold=sold is True, owed=owed)


async def _in_time(step: Awaitable[Answer], intent: Intent) -> Answer | None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await step
    except Exception as error:
        log.warning("not_handed_over_at_once", order_id=intent.order_id, error=repr(error)[:200])
        return None
