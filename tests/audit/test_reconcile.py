"""Redis is brought to what Postgres says, and what only Redis knows is not lost."""

from functools import partial

from redis.asyncio import Redis

from audit.reconcile import Reconciled, reconcile
from audit.run import run_audit
from audit.sources import AuditSources
from domain.attention import AttentionKind
from domain.reservation import Intent
from domain.states import OrderStatus
from infra.redis.keys import ItemKeys
from tests.support.audited_orders import dispatched, grown_old, has_status
from tests.support.polling import until
from tests.support.refunding import open_attentions
from tests.support.shop import Shop


async def test_what_was_sold_and_has_no_row_is_placed_again_and_a_person_is_called(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    waits = await dispatched(shop, sources, "ada")
    sold = await shop.intent("bob")
    await shop.gate.sell(sold)
    keys = ItemKeys.of(shop.item.ref)
    await redis.delete(keys.intents)
    await redis.hset(keys.item, "per_user_limit", "50")
    await grown_old(sources)

    assert await reconcile(sources) == Reconciled(mended=1, left=1, placed=1)

    await until_placed(shop, sold)
    assert await open_attentions(shop) == [(AttentionKind.LOST_ORDER, sold.order_id)]
    assert await has_status(shop.database, waits, OrderStatus.PENDING_PAYMENT)
    assert (await run_audit(sources)).ok
    assert await reconcile(sources) == Reconciled()


async def until_placed(shop: Shop, intent: Intent) -> None:
    await until(partial(has_status, shop.database, intent, OrderStatus.PENDING_PAYMENT))
