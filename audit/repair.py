"""`seckill audit --repair`: what can be put right without deciding anything for a person."""

from collections.abc import AsyncIterator

import structlog

from audit.checks import a2_redis, a7_intents
from audit.checks.a4_workflows import unwatched_orders
from audit.findings import look_until_sure
from audit.item_rebuild import rebuild_item
from audit.sources import AuditSources
from domain.ids import created_at_ms
from domain.model import Value
from domain.reservation import Intent
from infra.postgres.orders import Orders

log = structlog.get_logger()


class Repairs(Value):
    """What was done. `left`: orders whose workflow ended regularly and is not begun again."""

    put_back: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    rebuilt: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


async def repair(sources: AuditSources) -> Repairs:
    """Puts dead intents back once, gives orders their workflow again, and rebuilds items in Redis
    from Postgres, in this order: each step leaves the next one less to do.

    Safe to run again, and while a sale runs. Raises what the clients raise for a store that is
    away.
    """
    put_back: list[str] = []
    for item in await sources.intents.items():
        # Listed first: one that dies again meanwhile waits for the next repair.
        for dead in [dead async for dead in sources.intents.dead(item)]:
            await sources.intents.revive(dead)
            put_back.append(dead.fields.get("order_id", dead.entry_id))
    restarted: list[str] = []
    left: list[str] = []
    async for intent in _without_workflow(sources):
        started = await sources.workflows.start_order_again(intent)
        (restarted if started else left).append(intent.order_id)
        if started:
            log.info("workflow_started_again", order_id=intent.order_id)
    sure = await look_until_sure(lambda: a2_redis.look(sources), sources.grace)
    wrong = {finding.item for finding in sure.findings.values() if finding.item}
    rebuilt = [
        f"{item.sale_id}/{item.sku_id}"
        for item in sorted(wrong, key=lambda item: (item.sale_id, item.sku_id))
        if await rebuild_item(sources, item)
    ]
    return Repairs(
        put_back=tuple(put_back),
        restarted=tuple(restarted),
        rebuilt=tuple(rebuilt),
        left=tuple(left),
    )


async def _without_workflow(sources: AuditSources) -> AsyncIterator[Intent]:
    for order_id in await unwatched_orders(sources):
        async with sources.database.transaction() as connection:
            order = await Orders(connection).get(order_id)
        if order:
            yield order.intent.model_copy(update={"accepted_at_ms": created_at_ms(order_id)})
    # Accepted, and then forgotten: their workflow makes an order or a rejection of them.
    sure = await look_until_sure(lambda: a7_intents.look(sources), sources.grace)
    for finding in sure.findings.values():
        if finding.item is None:
            continue
        for order_id in finding.orders:
            lost = await sources.gate.reservation(finding.item, order_id)
            # A mark left by a release of something that was never reserved names no buyer.
            if lost and lost.quantity > 0:
                yield Intent(
                    order_id=order_id,
                    sale_id=finding.item.sale_id,
                    sku_id=finding.item.sku_id,
                    user_id=lost.user_id,
                    quantity=lost.quantity,
                    accepted_at_ms=lost.reserved_at_ms,
                )
