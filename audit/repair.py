"""`seckill audit --repair`: what can be put right without deciding anything for a person.

May be killed at any line and run again: what it does is found undone by the next audit, and each
step of a workflow looks for what was done before.
"""

import structlog

from audit.checks import a2_redis, a7_intents
from audit.checks.a4_workflows import unwatched_orders
from audit.findings import look_until_sure
from audit.item_mending import mend_items
from audit.items import all_items
from audit.lost_orders import call_for_sold
from audit.restarting import restart_lost, restart_unwatched
from audit.sources import AuditSources
from domain.actors import SYSTEM
from domain.attention import AttentionKind
from domain.model import Value
from domain.reservation import Reservation
from domain.sale import ItemRef
from infra.postgres.attentions import Attentions

log = structlog.get_logger()

# What one round writes in Redis may be overtaken by orders that go on meanwhile.
ROUNDS = 3


class Repairs(Value):
    """What was done. `left`: orders about which a person is called to the attention list."""

    put_back: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    rebuilt: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


async def repair(sources: AuditSources) -> Repairs:
    """Puts dead intents back once; then rebuilds items in Redis from Postgres, and gives orders
    their workflow again, until nothing is found or three rounds are over.

    Safe to run again, and while a sale runs. Raises what the clients raise for a store that is
    away.
    """
    put_back = await _put_dead_intents_back(sources)
    # By subject: what is done in two rounds is named once.
    left, rebuilt, restarted = dict[str, None](), dict[str, None](), dict[str, None]()
    for _ in range(ROUNDS):
        lost = await lost_orders(sources)
        # First of all, for what Redis says of a sold order is gone once its item is rebuilt.
        left |= dict.fromkeys(await call_for_sold(sources, lost))
        # Before any workflow: a new run asks Redis first, and believes what it says.
        items = await mend_redis(sources)
        unwatched = await unwatched_orders(sources)
        orders = [name async for name in restart_unwatched(sources, unwatched)]
        orders += [name async for name in restart_lost(sources, lost)]
        rebuilt |= dict.fromkeys(items)
        restarted |= dict.fromkeys(orders)
        if not items and not orders:
            break
    return Repairs(
        put_back=tuple(put_back),
        restarted=tuple(restarted),
        rebuilt=tuple(rebuilt),
        left=tuple(left),
    )


async def _put_dead_intents_back(sources: AuditSources) -> list[str]:
    put_back: list[str] = []
    for item in await all_items(sources):
        # Listed first: one that dies again meanwhile waits for the next repair.
        for dead in [dead async for dead in sources.intents.dead(item)]:
            # In one transaction: one that dies again at once finds its attention closed and
            # raises a new one, and a Redis that is away leaves it open.
            async with sources.database.transaction() as connection:
                await Attentions(connection).resolve(
                    AttentionKind.DEAD_INTENT, dead.subject, SYSTEM, "put back by a repair"
                )
                await sources.intents.revive(dead)
            put_back.append(dead.fields.get("order_id", dead.entry_id))
    return put_back


async def lost_orders(sources: AuditSources) -> list[tuple[ItemRef, Reservation]]:
    """Accepted, and then forgotten: Redis alone has a trace of them."""
    sure = await look_until_sure(lambda: a7_intents.look(sources), sources.grace)
    found: list[tuple[ItemRef, Reservation]] = []
    for finding in sure.findings.values():
        if finding.item is None:
            continue
        for order_id in finding.orders:
            lost = await sources.gate.reservation(finding.item, order_id)
            # A mark left by a release of something that was never reserved names no buyer.
            if lost and lost.quantity > 0:
                found.append((finding.item, lost))
    return found


async def mend_redis(sources: AuditSources) -> list[str]:
    """Names of the items of which anything was put right."""
    sure = await look_until_sure(lambda: a2_redis.look(sources), sources.grace)
    mended = await mend_items(sources, sure.findings)
    touched = dict.fromkeys([*mended.items, *mended.rebuilt])
    return [f"{item.sale_id}/{item.sku_id}" for item in touched]
