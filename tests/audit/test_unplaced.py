"""Reservations ahead of Postgres are told apart from lost ones."""

from dataclasses import replace
from datetime import timedelta

from redis.asyncio import Redis

from audit.run import run_audit
from audit.sources import AuditSources
from tests.support.audited_orders import assert_breaks, grown_old, lost
from tests.support.shop import Shop
from workflows.order import OrderWorkflow


async def test_a_reservation_younger_than_the_grace_may_be_ahead(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    await lost(shop, redis)
    patient = replace(sources, grace=timedelta(minutes=1))

    await assert_breaks(patient, "")


async def test_an_accepted_order_whose_workflow_has_not_come_that_far_is_on_its_way(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    intent = await shop.intent("ada")
    await redis.delete(f"seckill:{{{intent.sale_id}:{intent.sku_id}}}:intents")
    await shop.client.start_workflow(
        OrderWorkflow.run, intent, id=f"order-{intent.order_id}", task_queue="nobody-serves-this"
    )
    await grown_old(sources)

    assert (await run_audit(sources)).ok
