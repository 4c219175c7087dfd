"""An order that was placed ahead of its workflow, which is not started yet."""

from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from audit.on_their_way import LONGEST_WAY, on_their_way
from audit.repair import repair
from audit.run import run_audit
from audit.sources import AuditSources
from domain.ids import workflow_id
from domain.reservation import Intent
from infra.postgres.flights.placing import PlacingFlights
from infra.redis.keys import ItemKeys
from tests.support.audited_orders import assert_breaks, grown_old
from tests.support.intent_groups import start_all
from tests.support.shop import Shop


async def placed_ahead(shop: Shop, ago: timedelta = timedelta(0)) -> Intent:
    intent = await shop.intent("ada")
    await PlacingFlights(shop.database, lambda: datetime.now(UTC) - ago).place(intent)
    return intent


async def test_while_its_entry_waits_it_is_on_its_way_and_no_repair_starts_it(
    shop: Shop, sources: AuditSources
) -> None:
    intent = await placed_ahead(shop)
    await grown_old(sources)

    assert await on_their_way(sources, [intent.order_id]) == {intent.order_id}
    assert (await run_audit(sources)).ok
    assert (await repair(sources)).restarted == ()

    assert await shop.workflows.ended([workflow_id(intent.order_id)])


async def test_waiting_too_long_it_needs_somebody(shop: Shop, sources: AuditSources) -> None:
    intent = await placed_ahead(shop, LONGEST_WAY + timedelta(seconds=1))
    await grown_old(sources)

    await assert_breaks(sources, "A4", intent.order_id)

    assert (await repair(sources)).restarted == (intent.order_id,)
    assert (await run_audit(sources)).ok


async def test_half_the_time_to_pay_is_too_long(shop: Shop, sources: AuditSources) -> None:
    intent = await placed_ahead(shop)
    async with shop.database.driver() as driver:
        await driver.execute("UPDATE orders SET pay_deadline = now() + interval '1 second'")
        await driver.execute("UPDATE orders SET created_at = now() - interval '2 seconds'")

    assert await on_their_way(sources, [intent.order_id]) == set()


async def test_without_an_entry_nobody_is_coming(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    intent = await placed_ahead(shop)
    await redis.delete(ItemKeys.of(shop.item.ref).intents)
    await grown_old(sources)

    await assert_breaks(sources, "A4", intent.order_id)


async def test_once_it_is_started_its_workflow_answers_for_it(
    shop: Shop, sources: AuditSources
) -> None:
    intent = await placed_ahead(shop)
    await start_all(shop.redis)
    await shop.start(intent)

    assert await on_their_way(sources, [intent.order_id]) == set()
    assert (await run_audit(sources)).ok
