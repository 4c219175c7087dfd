"""Damage to stock, reservations, buyers, workflows and intents: each is found, by its own line."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from audit.sources import AuditSources
from domain.ids import new_order_id, workflow_id
from domain.reservation import Intent
from infra.redis.keys import ItemKeys
from tests.support.damage import assert_breaks, cancelled, damage, dispatched, line, paid
from tests.support.shop import Shop
from workflows.order import OrderWorkflow


@pytest.fixture
def keys(shop: Shop) -> ItemKeys:
    return ItemKeys.of(shop.item.ref)


async def test_a1_a_unit_that_counts_as_sold_to_nobody(shop: Shop, sources: AuditSources) -> None:
    await paid(shop, sources, "ada")
    await damage(shop.database, "UPDATE sale_items SET available = available - 1, sold = sold + 1")

    report = await assert_breaks(sources, "A1")

    assert "item teapot" in line(report, "A1").detail
    assert "sold is 2 but 1 by its orders" in line(report, "A1").detail


async def test_a1_an_order_without_its_movement(shop: Shop, sources: AuditSources) -> None:
    intent = await paid(shop, sources, "ada")
    await damage(
        shop.database,
        "DELETE FROM stock_movements WHERE order_id = :order_id AND kind = 'sell'",
        order_id=intent.order_id,
    )

    await assert_breaks(sources, "A1", intent.order_id)


async def test_a2_a_reservation_that_was_released_under_a_waiting_order(
    shop: Shop, sources: AuditSources
) -> None:
    await dispatched(shop, sources, "bob")
    intent = await dispatched(shop, sources, "ada")
    await shop.gate.release(intent.item, intent.order_id)

    report = await assert_breaks(sources, "A2", intent.order_id)

    assert "pending_payment, but its reservation is released" in line(report, "A2").detail


async def test_a2_a_cancelled_order_that_still_holds_stock(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    intent = await cancelled(shop, sources, "ada")
    await redis.hset(keys.reservations, intent.order_id, "held 1 1 ada")
    await redis.hset(keys.buyers, "ada", f"1 {intent.order_id}")
    await redis.hincrby(keys.item, "stock", -1)

    await assert_breaks(sources, "A2", intent.order_id)


async def test_a2_a_sold_order_that_redis_still_calls_held(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    intent = await paid(shop, sources, "ada")
    await redis.hset(keys.reservations, intent.order_id, "held 1 1 ada")

    await assert_breaks(sources, "A2", intent.order_id)


async def test_a2_a_reservation_of_another_size(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    intent = await paid(shop, sources, "ada")
    await redis.hset(keys.reservations, intent.order_id, "sold 2 1 ada")

    await assert_breaks(sources, "A2", intent.order_id)


async def test_a2_a_unit_too_many_in_redis(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    await paid(shop, sources, "ada")
    await redis.hincrby(keys.item, "stock", 1)

    report = await assert_breaks(sources, "A2")

    assert "stock in Redis is 20, total - live reservations is 20 - 1 = 19" in (
        line(report, "A2").detail
    )


async def test_a2_a_buyer_who_is_counted_wrongly(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    intent = await paid(shop, sources, "ada")
    await redis.hset(keys.buyers, "ada", f"3 {intent.order_id}")

    report = await assert_breaks(sources, "A2")

    assert "Redis counts 3 units for user ada, who has 1" in line(report, "A2").detail


async def test_a2_an_item_that_redis_has_forgotten(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    intent = await paid(shop, sources, "ada")
    await redis.delete(keys.item, keys.buyers, keys.reservations)

    report = await assert_breaks(sources, "A2", intent.order_id)

    assert "item teapot" in line(report, "A2").detail
    assert "is missing in Redis" in line(report, "A2").detail


async def test_a_draft_need_not_be_in_redis(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    await damage(shop.database, "UPDATE sales SET status = 'draft'")
    await redis.delete(keys.item)

    await assert_breaks(sources, "")


async def test_a3_a_user_with_more_than_the_limit(shop: Shop, sources: AuditSources) -> None:
    first = await paid(shop, sources, "ada")
    second = await dispatched(shop, sources, "ada")
    await paid(shop, sources, "bob")
    await damage(shop.database, "UPDATE sale_items SET per_user_limit = 1")

    await assert_breaks(sources, "A3", first.order_id, second.order_id)


async def test_a4_a_waiting_order_whose_workflow_was_terminated(
    shop: Shop, sources: AuditSources
) -> None:
    intent = await dispatched(shop, sources, "ada")
    await shop.client.get_workflow_handle(workflow_id(intent.order_id)).terminate()

    report = await assert_breaks(sources, "A4", intent.order_id)

    assert "has ended (terminated)" in line(report, "A4").detail


async def test_a4_a_workflow_that_nothing_else_knows_of(shop: Shop, sources: AuditSources) -> None:
    ghost = shop.intent_for(new_order_id(shop.item.item_number, 1_700_000_000_000), "ada")
    await shop.client.start_workflow(
        OrderWorkflow.run, ghost, id=workflow_id(ghost.order_id), task_queue="nobody-serves-this"
    )

    await assert_breaks(sources, "A4", ghost.order_id)


async def test_a7_an_accepted_order_that_vanished_on_its_way(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    intent = await _lost(shop, redis, keys)
    await _grown_old(sources)

    await assert_breaks(sources, "A2 A7", intent.order_id)


async def test_a7_a_released_reservation_without_a_rejection(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    intent = await _lost(shop, redis, keys)
    await shop.gate.release(intent.item, intent.order_id)
    await _grown_old(sources)

    await assert_breaks(sources, "A7", intent.order_id)


async def test_a7_an_intent_that_was_given_up(shop: Shop, sources: AuditSources) -> None:
    intent = await shop.intent("ada")
    (entry,) = await sources.intents.read("test", 10, 10)
    await sources.intents.bury(entry, "Temporal refused it")
    await _grown_old(sources)

    report = await assert_breaks(sources, "A2 A7", intent.order_id)

    assert "was given up: Temporal refused it" in line(report, "A7").detail


async def test_a_reservation_younger_than_the_grace_may_be_ahead(
    shop: Shop, sources: AuditSources, redis: Redis, keys: ItemKeys
) -> None:
    await _lost(shop, redis, keys)
    patient = replace(sources, grace=timedelta(minutes=1))

    await assert_breaks(patient, "")


async def _lost(shop: Shop, redis: Redis, keys: ItemKeys) -> Intent:
    intent = await shop.intent("ada")
    await redis.delete(keys.intents)
    return intent


async def _grown_old(sources: AuditSources) -> None:
    """The grace itself is what has to pass."""
    await asyncio.sleep(sources.grace.total_seconds())
