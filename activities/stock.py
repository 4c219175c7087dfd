"""Stock in Redis, once an order has it: given back, taken again, or sold."""

from collections.abc import Mapping
from typing import Any

import structlog
from pydantic import model_validator
from temporalio import activity

from domain.model import Value
from domain.reservation import Intent, StockReturn
from infra.redis.stock_gate import StockGate

log = structlog.get_logger()

# How ReleaseStock said it before there was a StockReturn, each beside its usual value.
_OLD_WORDS = (
    ("for_good", False, StockReturn.UNDO_RECLAIM),
    ("sold", False, StockReturn.RESTOCK),
    ("return_stock", True, StockReturn.DROP),
)


class ReleaseStock(Value):
    intent: Intent
    how: StockReturn = StockReturn.RELEASE

    @model_validator(mode="before")
    @classmethod
    def _read_old_words(cls, data: Any) -> Any:
        # Steps that were scheduled by the release before this one still wait to be carried out.
        if isinstance(data, Mapping) and "how" not in data:
            for word, usual, how in _OLD_WORDS:
                if data.get(word, usual) != usual:
                    return {**data, "how": how}
        return data


class StockActivities:
    def __init__(self, gate: StockGate) -> None:
        self._gate = gate

    @activity.defn
    async def release_stock(self, release: ReleaseStock) -> None:
        """Undo of reserving; also keeps a reserve that is still on its way from holding."""
        await self._gate.release(release.intent.item, release.intent.order_id, release.how)

    @activity.defn
    async def reclaim_stock(self, intent: Intent) -> bool:
        """Hold stock again for an order that had given it back; False if there is none left."""
        return await self._gate.reclaim(intent)

    @activity.defn
    async def confirm_stock(self, intent: Intent) -> None:
        """Mark the order's reservation as sold."""
        state = await self._gate.sell(intent)
        if state is None:
            # Postgres has sold it, so nothing is lost; a repair tells Redis.
            log.warning("confirm_found_no_item", order_id=intent.order_id)
