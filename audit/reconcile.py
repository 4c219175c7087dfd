"""Redis beside Postgres, again and again while sales run, and each difference put right by rule:
Postgres decides what is sold, and what was accepted and is on its way stays."""

from audit.lost_orders import call_for_sold
from audit.repair import lost_orders, mend_redis
from audit.restarting import restart_lost
from audit.sources import AuditSources
from domain.model import Value


class Reconciled(Value):
    """`mended` items were put right, for `left` orders a person is called, and `placed` orders of
    which only Redis had a trace were started again."""

    mended: int = 0
    left: int = 0
    placed: int = 0


async def reconcile(sources: AuditSources) -> Reconciled:
    """One round. May be killed at any line and run again. Raises what the clients raise for a store
    that is away."""
    lost = await lost_orders(sources)
    # Before Redis is mended: what it says of a sold order is gone then.
    called = await call_for_sold(sources, lost)
    # Before any workflow is started: a new run asks Redis first, and believes it.
    mended = await mend_redis(sources)
    placed = [order_id async for order_id in restart_lost(sources, lost)]
    return Reconciled(mended=len(mended), left=len(called), placed=len(placed))
