"""Stock in Redis, as the order saga sees it: reserve, and its undo beside it."""

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from domain.model import Value
from domain.order import RejectReason
from domain.reservation import GateVerdict, Intent, ReserveRequest
from infra.redis.stock_gate import StockGate

log = structlog.get_logger()

ITEM_NOT_PREHEATED = "ItemNotPreheated"


class Reserved(Value):
    """`rejected` says why the gate holds no stock for the order; None means it does."""

    rejected: RejectReason | None = None


class ReleaseStock(Value):
    """`return_stock` is off for a unit that Redis promised and Postgres never had; `sold` allows
    stock that was confirmed to come back (a refund); `for_good` undoes a reclaim."""

    intent: Intent
    return_stock: bool = True
    sold: bool = False
    for_good: bool = False


class StockActivities:
    def __init__(self, gate: StockGate) -> None:
        self._gate = gate

    @activity.defn
    async def reserve_stock(self, intent: Intent) -> Reserved:
        """Find the order's reservation, or make it.

        Raises a retryable `ItemNotPreheated` when an accepted order's item is gone from Redis:
        the order waits for the item to be rebuilt rather than being rejected for it.
        """
        accepted = intent.accepted_at_ms > 0
        answer = await self._gate.reserve(
            ReserveRequest(
                item=intent.item,
                order_id=intent.order_id,
                user_id=intent.user_id,
                quantity=intent.quantity,
                late=accepted,
            )
        )
        if answer.verdict is GateVerdict.RESERVED:
            return Reserved()
        if answer.verdict is GateVerdict.NOT_FOUND and accepted:
            raise ApplicationError(
                "Redis does not know the item; run `seckill audit --repair`",
                type=ITEM_NOT_PREHEATED,
            )
        return Reserved(rejected=RejectReason(answer.verdict.value))

    @activity.defn
    async def release_stock(self, release: ReleaseStock) -> None:
        """Undo of reserve_stock; also keeps a reserve that is still on its way from holding."""
        item, order_id = release.intent.item, release.intent.order_id
        if release.sold:
            await self._gate.restock(item, order_id)
        elif release.for_good:
            await self._gate.undo_reclaim(item, order_id)
        elif release.return_stock:
            await self._gate.release(item, order_id)
        else:
            await self._gate.write_off(item, order_id)

    @activity.defn
    async def reclaim_stock(self, intent: Intent) -> bool:
        """Hold stock again for an order that had given it back; False if there is none left."""
        return await self._gate.reclaim(intent)

    @activity.defn
    async def confirm_stock(self, intent: Intent) -> None:
        """Mark the order's reservation as sold."""
        state = await self._gate.sell(intent)
        if state is None:
            log.warning("confirm_found_no_item", order_id=intent.order_id)
