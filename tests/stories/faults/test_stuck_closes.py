"""A provider that answers no more holds up the end of an order: a person hears of it."""

import asyncio
from datetime import timedelta

from redis.asyncio import Redis
from temporalio.client import Client

from domain.attention import Attention, AttentionKind
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from tests.support.faults import Fault, FaultPlan
from tests.support.polling import until
from tests.support.shop import Shop, open_shop


async def test_a_close_that_fails_without_end_calls_a_person_until_it_succeeds(
    database: Database, redis: Redis, temporal_client: Client
) -> None:
    async with open_shop(database, redis, temporal_client) as shop:
        shop.stuck_after = timedelta(0)
        async with shop.worker():
            intent = await shop.intent()
            handle = await shop.start(intent)
            await shop.begin_payment(handle)
            shop.alipay.away = True
            cancelling = asyncio.create_task(shop.cancel(handle))

            called = await until(lambda: _attention(shop))
            assert called.kind is AttentionKind.STEP_STUCK
            assert called.order_id == intent.order_id
            assert "close_payment" in called.what
            assert called.resolved_at is None

            shop.alipay.away = False
            assert await cancelling == "cancelled"
            assert await until(lambda: _is_dismissed(shop))


async def test_an_end_that_fails_without_end_calls_a_person_until_it_succeeds(
    database: Database, redis: Redis, temporal_client: Client
) -> None:
    """At hand it is tried a few times and tells nobody."""
    faults = FaultPlan()
    async with open_shop(database, redis, temporal_client) as shop:
        shop.stuck_after = timedelta(0)
        async with shop.worker(interceptors=[faults]):
            intent = await shop.intent()
            handle = await shop.start(intent)
            faults.plan(intent.order_id, "cancel_order", Fault.ALWAYS)
            cancelling = asyncio.create_task(shop.cancel(handle))

            called = await until(lambda: _attention(shop))
            assert called.kind is AttentionKind.STEP_STUCK
            assert called.order_id == intent.order_id
            assert "cancel_order" in called.what

            faults.planned.clear()
            assert await cancelling == "cancelled"
            assert await until(lambda: _is_dismissed(shop))


async def _attention(shop: Shop) -> Attention | None:
    async with shop.database.transaction() as connection:
        return next(iter((await Attentions(connection).page(None, 1))[0]), None)


async def _is_dismissed(shop: Shop) -> bool:
    attention = await _attention(shop)
    return attention is not None and attention.resolved_by == "system"
