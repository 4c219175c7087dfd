"""What needs no decision is put right: intents, workflows, items."""

from dataclasses import replace
from functools import partial

from redis.asyncio import Redis

from audit.repair import repair
from audit.run import run_audit
from audit.sources import AuditSources
from domain.states import OrderStatus
from infra.redis.keys import ItemKeys
from tests.support.audited_orders import assert_breaks, dispatched, handle_of, has_status, paid
from tests.support.polling import until
from tests.support.shop import Shop


async def test_a_waiting_order_gets_its_workflow_again_and_can_be_paid(
    shop: Shop, sources: AuditSources
) -> None:
    intent = await dispatched(shop, sources, "ada")
    handle = handle_of(shop, intent.order_id)
    await handle.terminate()
    await assert_breaks(sources, "A4", intent.order_id)

    assert (await repair(sources)).restarted == (intent.order_id,)

    assert (await run_audit(sources)).ok
    await shop.pay(handle)
    await until(partial(has_status, shop.database, intent, OrderStatus.FULFILLED))


async def test_a_paid_order_gets_its_workflow_again_and_what_it_is_owed(
    shop: Shop, sources: AuditSources
) -> None:
    intent = await dispatched(shop, sources, "ada")
    handle = handle_of(shop, intent.order_id)
    shop.sender.fails[intent.order_id] = 100
    await shop.pay(handle)
    await until(partial(_was_tried, shop, intent.order_id))
    assert (await run_audit(sources)).ok
    await handle.terminate()
    await assert_breaks(sources, "A4", intent.order_id)
    shop.sender.fails.clear()

    assert (await repair(sources)).restarted == (intent.order_id,)

    await until(partial(has_status, shop.database, intent, OrderStatus.FULFILLED))
    assert shop.sender.sent == {f"{intent.order_id}-order_paid"}
    assert (await run_audit(sources)).ok


async def _was_tried(shop: Shop, order_id: str) -> bool:
    owed = (await shop.dossier(order_id)).deliveries
    return any(delivery.attempts for delivery in owed)


async def test_an_accepted_order_that_vanished_becomes_an_order_after_all(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    intent = await shop.intent("ada")
    await redis.delete(ItemKeys.of(shop.item.ref).intents)
    impatient = replace(sources, grace=sources.grace / 100)

    assert (await repair(impatient)).restarted == (intent.order_id,)

    await until(partial(has_status, shop.database, intent, OrderStatus.PENDING_PAYMENT))
    assert (await run_audit(sources)).ok
    assert await shop.counts() == (19, 1, 0, 19)


async def test_a_dead_intent_is_put_back_once(shop: Shop, sources: AuditSources) -> None:
    intent = await shop.intent("ada")
    (entry,) = await sources.intents.read("test", 10, 10)
    await sources.intents.bury(entry, "Temporal refused it")

    assert (await repair(sources)).put_back == (intent.order_id,)
    assert (await repair(sources)).put_back == ()

    assert (await run_audit(sources)).ok
    (again,) = await sources.intents.read("test", 10, 10)
    assert again.intent() == entry.intent()


async def test_sound_books_need_no_repair(shop: Shop, sources: AuditSources) -> None:
    await paid(shop, sources, "ada")
    await dispatched(shop, sources, "bob")

    repairs = await repair(sources)

    assert repairs == type(repairs)()
