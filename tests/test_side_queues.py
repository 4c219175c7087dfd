"""The queues beside the general one."""

from redis.asyncio import Redis
from temporalio.client import Client

from domain.refund import RefundRequest
from domain.refund_rules import plan_refund
from infra.postgres.engine import Database
from side_queues import build_refund_worker
from tests.support.polling import until
from tests.support.refunding import WISH, a_paid_order
from tests.support.shop import Shop, open_shop
from worker import build_worker

IN_BULK = 6


async def _plan(shop: Shop, user_id: str) -> RefundRequest:
    order = await a_paid_order(shop, user_id)
    plan = plan_refund(await shop.dossier(order.intent.order_id), WISH)
    assert isinstance(plan, RefundRequest)
    return plan


async def test_a_single_customers_refund_goes_before_those_in_bulk(
    database: Database, redis: Redis, temporal_client: Client
) -> None:
    async with (
        open_shop(database, redis, temporal_client, stock=IN_BULK + 1) as shop,
        build_worker(shop.client, shop.settings, (activities := shop.activities()).general),
    ):
        plans = [await _plan(shop, f"user-{n}") for n in range(IN_BULK + 1)]
        *bulk, single = plans
        for plan in bulk:
            await shop.workflows.start_refund_in_bulk(plan)

        async def asked_for(refunds: list[RefundRequest]) -> bool:
            """Whether each waits for its call."""
            handles = [shop.client.get_workflow_handle(one.workflow_id) for one in refunds]
            described = [await handle.describe() for handle in handles]
            waiting = [
                pending.activity_type.name
                for one in described
                for pending in one.raw_description.pending_activities
            ]
            return waiting.count("ask_refund") == len(refunds)

        await until(lambda: asked_for(bulk), "the calls of all in bulk to wait")
        await shop.workflows.start_refund(single)
        await until(lambda: asked_for([single]), "the call of the single one to wait")
        async with build_refund_worker(
            shop.client, shop.settings, activities.refund_calls, max_concurrent_activities=1
        ):
            for plan in plans:
                await shop.client.get_workflow_handle(plan.workflow_id).result()

    assert shop.alipay.refunds_asked.index(single.refund_id) <= 1
