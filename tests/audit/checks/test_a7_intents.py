"""Accepted orders that came to nothing are named by A7."""

from redis.asyncio import Redis

from audit.run import run_audit
from audit.sources import AuditSources
from tests.support.audited_orders import assert_breaks, check_of, grown_old, lost
from tests.support.intent_groups import bury_one
from tests.support.shop import Shop


async def test_a7_an_accepted_order_that_vanished_on_its_way(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    intent = await lost(shop, redis)
    await grown_old(sources)

    await assert_breaks(sources, "A2 A7", intent.order_id)


async def test_a7_a_released_reservation_without_a_rejection(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    intent = await lost(shop, redis)
    await shop.gate.release(intent.item, intent.order_id)
    await grown_old(sources)

    await assert_breaks(sources, "A7", intent.order_id)


async def test_a7_an_intent_that_was_given_up(shop: Shop, sources: AuditSources) -> None:
    intent = await shop.intent("ada")
    await bury_one(shop.redis, "Temporal refused it")
    await grown_old(sources)

    report = await assert_breaks(sources, "A2 A7", intent.order_id)

    assert "was given up: Temporal refused it" in check_of(report, "A7").detail


async def test_intents_that_wait_for_the_dispatcher_are_on_their_way(
    shop: Shop, sources: AuditSources
) -> None:
    await shop.intent("ada")
    await grown_old(sources)

    report = await run_audit(sources)

    assert report.ok, report
    assert "1 on their way" in check_of(report, "A7").detail
