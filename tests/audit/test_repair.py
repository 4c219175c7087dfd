"""What needs no decision is put right: intents, workflows, items."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis

from audit.repair import repair
from audit.run import run_audit
from audit.sources import AuditSources
from domain.attention import AttentionKind
from domain.notice import NoticeKind, Verdict, VerifiedNotice
from domain.reservation import GateVerdict
from domain.states import OrderStatus
from infra.postgres.attentions import Attentions
from infra.postgres.notices import Notices
from infra.redis.gate_commands import Written
from infra.redis.intent_groups import Group
from infra.redis.keys import DIRECTORY, LIVE_STREAMS, ItemKeys
from infra.redis.stock_gate import StockGate
from notices.relay import RelayOutcome
from tests.support.audited_orders import assert_breaks, dispatched, handle_of, has_status, paid
from tests.support.intent_groups import bury_one, reading
from tests.support.polling import until
from tests.support.postgres_copy import copy_of, put_back
from tests.support.refunding import open_attentions
from tests.support.shop import Shop
from workflows.order import OrderWorkflow
from workflows.updates import RecheckPayment


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


async def test_money_for_an_order_whose_workflow_is_gone_starts_it_again(
    shop: Shop, sources: AuditSources
) -> None:
    intent = await dispatched(shop, sources, "ada")
    handle = handle_of(shop, intent.order_id)
    payment = await shop.begin_payment(handle)
    await handle.terminate()
    told = VerifiedNotice(
        provider_notice_id="n",
        kind=NoticeKind.PAYMENT,
        verdict=Verdict.ACCEPTED,
        payment_id=payment.payment_id,
        receipt=shop.alipay.pay(payment.payment_id),
    )
    async with shop.database.transaction() as connection:
        notice = await Notices(connection).keep(
            "n", payment.method, told, intent.order_id, b"{}", {}
        )
    assert await shop.relay().relay(notice) is RelayOutcome.SIGNALLED

    await until(partial(has_status, shop.database, intent, OrderStatus.FULFILLED))
    assert (await run_audit(sources)).ok


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
    entry = await bury_one(shop.redis, "Temporal refused it")
    async with shop.database.transaction() as connection:
        await Attentions(connection).raise_(
            AttentionKind.DEAD_INTENT, entry.subject, what="it is dead", advice="revive it"
        )

    assert (await repair(sources)).put_back == (intent.order_id,)
    assert (await repair(sources)).put_back == ()

    assert (await run_audit(sources)).ok
    assert await open_attentions(shop) == []
    (again,) = await reading(shop.redis, Group.START).read(10, 10)
    assert again.intent() == entry.intent()


async def test_an_order_that_stands_is_not_rejected_because_redis_lost_it(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    """Redis lost its last second: the reservation is gone and the unit was granted to others."""
    intent = await dispatched(shop, sources, "ada")
    await handle_of(shop, intent.order_id).terminate()
    keys = ItemKeys.of(shop.item.ref)
    await redis.hdel(keys.reservations, intent.order_id)
    await redis.hdel(keys.buyers, "ada")
    await redis.hset(keys.item, "stock", "0")

    repairs = await repair(sources)

    assert repairs.restarted == (intent.order_id,)
    assert (await run_audit(sources)).ok
    assert await shop.counts() == (19, 1, 0, 19)
    await shop.pay(handle_of(shop, intent.order_id))
    await until(partial(has_status, shop.database, intent, OrderStatus.FULFILLED))


async def test_an_order_whose_workflow_completed_before_postgres_was_put_back_gets_a_new_one(
    shop: Shop, sources: AuditSources
) -> None:
    intent = await dispatched(shop, sources, "ada")
    handle = handle_of(shop, intent.order_id)
    payment = await shop.begin_payment(handle)
    copy = await copy_of(shop.database)
    await handle.signal(OrderWorkflow.payment_noticed, shop.alipay.pay(payment.payment_id))
    await handle.result()
    await put_back(shop.database, copy)
    await assert_breaks(sources, "A2 A4 A5", intent.order_id)

    repairs = await repair(sources)

    assert repairs.restarted == (intent.order_id,)
    # It asks the provider in a minute; here an operator has it asked at once.
    again = handle_of(shop, intent.order_id)
    await again.execute_update(OrderWorkflow.recheck_payment, RecheckPayment(actor="operator:olga"))
    await until(partial(has_status, shop.database, intent, OrderStatus.FULFILLED))
    await until(partial(_is_sound, sources))
    assert await shop.counts() == (19, 0, 1, 19)


async def test_terms_and_a_pause_that_a_killed_rebuild_left_are_mended(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    await paid(shop, sources, "ada")
    await shop.gate.commands.begin_repair(shop.item.ref)
    terms = ItemKeys.of(shop.item.ref).item
    await redis.hset(terms, mapping={"per_user_limit": "50", "ends_at_ms": "1"})

    repairs = await repair(sources)

    assert repairs.rebuilt == (f"{shop.item.sale_id}/teapot",)
    assert (await run_audit(sources)).ok
    assert (await shop.click("bob")).verdict is GateVerdict.RESERVED
    assert (await shop.click("eve", 19)).verdict is GateVerdict.LIMIT_REACHED


async def test_a_click_after_redis_lost_its_directory_is_read_again(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    await redis.delete(DIRECTORY)
    intent = await shop.intent("ada")
    await redis.delete(LIVE_STREAMS)
    assert await reading(redis, Group.START).read(10, 10) == []

    await repair(sources)

    (entry,) = await reading(redis, Group.START).read(10, 10)
    assert entry.order_id == intent.order_id
    assert (await run_audit(sources)).ok


async def test_what_goes_on_while_an_item_is_rebuilt_is_looked_at_again(
    shop: Shop, sources: AuditSources, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = await dispatched(shop, sources, "ada")
    await redis.hincrby(ItemKeys.of(shop.item.ref).item, "stock", 1)
    rebuild = StockGate.rebuild

    async def rebuild_late(gate: StockGate, *what: Any, **how: Any) -> Written:
        """The order is cancelled between the reading of Postgres and the writing."""
        monkeypatch.setattr(StockGate, "rebuild", rebuild)
        handle = handle_of(shop, intent.order_id)
        await shop.cancel(handle)
        await handle.result()
        return await rebuild(gate, *what, **how)

    monkeypatch.setattr(StockGate, "rebuild", rebuild_late)

    await repair(sources)

    assert (await run_audit(sources)).ok
    assert await shop.counts() == (20, 0, 0, 20)


async def _is_sound(sources: AuditSources) -> bool:
    return (await run_audit(sources)).ok


async def test_sound_books_need_no_repair(shop: Shop, sources: AuditSources) -> None:
    await paid(shop, sources, "ada")
    await dispatched(shop, sources, "bob")

    repairs = await repair(sources)

    assert repairs == type(repairs)()
