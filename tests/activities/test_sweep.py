"""What nobody goes on with is pushed on by the next round, whatever else cannot be done."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.sweep import SweepActivities, Swept
from audit.sources import AuditSources
from domain.attention import AttentionKind
from domain.refund import Refund
from domain.reservation import Intent
from infra.postgres.orders import Orders
from infra.postgres.refunds import Refunds
from infra.postgres.repairs import Repairs
from infra.redis.keys import ItemKeys
from tests.support.intent_groups import start_all
from tests.support.ledger import damage, pay, place
from tests.support.refunding import open_attentions
from tests.support.shop import Shop
from tests.support.values import a_payment, a_refund, paid
from tests.support.workflows_double import WorkflowsDouble


@pytest.fixture
def shop(shop_without_worker: Shop) -> Shop:
    return shop_without_worker


@pytest.fixture
def workflows() -> WorkflowsDouble:
    return WorkflowsDouble()


async def a_round(
    shop: Shop, workflows: WorkflowsDouble, overdue_after: timedelta = timedelta(seconds=60)
) -> Swept:
    @asynccontextmanager
    async def opened() -> AsyncIterator[AuditSources]:
        async with shop.open_sources() as sources:
            yield replace(
                sources,
                workflows=workflows,
                grace=timedelta(milliseconds=20),
                overdue_after=overdue_after,
            )

    return await ActivityEnvironment().run(SweepActivities(opened, workflows).sweep)


async def _refund(shop: Shop, *, by_hand: bool | None) -> Refund:
    """Asked for long ago, of an order that is paid and delivered."""
    order = await place(shop.database, shop.item, "ada" if by_hand is None else "bob")
    await pay(shop.database, order)
    payment = paid(a_payment(order))
    refund = a_refund(payment, refund_id=f"RA{payment.trade_no}-2", amount=100)
    async with shop.database.transaction() as connection:
        await Orders(connection).show_change(order.order_id)
        await Refunds(connection).request(refund.model_copy(update={"by_hand": by_hand}))
    await damage(shop.database, "UPDATE refunds SET requested_at = now() - interval '1 hour'")
    return refund


async def test_an_order_and_a_reservation_without_anybody_get_a_workflow(
    shop: Shop, workflows: WorkflowsDouble
) -> None:
    placed = await place(shop.database, shop.item, "ada")
    forgotten = await shop.intent("bob")
    await shop.redis.delete(ItemKeys.of(shop.item.ref).intents)

    swept = await a_round(shop, workflows)

    assert swept == Swept(restarted=1, placed=1)
    assert [one.order_id for one in workflows.started_again] == [
        placed.order_id,
        forgotten.order_id,
    ]


async def test_an_order_that_temporal_refuses_keeps_no_other_waiting(
    shop: Shop, workflows: WorkflowsDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await place(shop.database, shop.item, "ada")
    second = await place(shop.database, shop.item, "bob")
    start = workflows.start_order_again

    async def refuse_the_first(intent: Intent, *, even_if_it_runs: bool = False) -> bool:
        if intent.order_id == first.order_id:
            raise RPCError("too long", RPCStatusCode.INVALID_ARGUMENT, b"")
        return await start(intent)

    monkeypatch.setattr(workflows, "start_order_again", refuse_the_first)

    assert await a_round(shop, workflows) == Swept(restarted=1)
    assert [one.order_id for one in workflows.started_again] == [second.order_id]
    assert await open_attentions(shop) == [(AttentionKind.NOT_HEALED, first.order_id)]
    async with shop.database.transaction() as connection:
        rows, _ = await Repairs(connection).page(None, 10)
    assert {(row.order_id, row.outcome) for row in rows} == {
        (first.order_id, "refused"),
        (second.order_id, "started"),
    }


async def test_who_is_on_his_way_or_watched_is_left_alone(
    shop: Shop, workflows: WorkflowsDouble
) -> None:
    placed = await place(shop.database, shop.item, "ada")
    workflows.running.add(f"order-{placed.order_id}")
    await shop.intent("bob")

    assert await a_round(shop, workflows) == Swept()


async def test_a_refund_that_lost_its_workflow_is_asked_for_under_its_number(
    shop: Shop, workflows: WorkflowsDouble
) -> None:
    refund = await _refund(shop, by_hand=True)
    unknown = await _refund(shop, by_hand=None)

    assert (await a_round(shop, workflows)).refunds == 1
    assert (await a_round(shop, workflows)).refunds == 0

    [request] = workflows.refunds
    assert (request.refund_id, request.workflow_id) == (refund.refund_id, refund.workflow_id)
    assert (request.amount, request.part, request.by_hand) == (100, 2, True)
    assert request.receipt.amount == shop.item.price
    # Started again without being told so, the provider would pay it a second time.
    assert (AttentionKind.NOT_HEALED, unknown.refund_id) in await open_attentions(shop)


async def test_refunds_that_are_worked_on_are_not_asked_for_one_by_one(
    shop: Shop, workflows: WorkflowsDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund = await _refund(shop, by_hand=True)
    workflows.running.add(refund.workflow_id)
    asked: list[str] = []
    ended = workflows.ended

    async def counted(names: Iterable[str]) -> dict[str, str]:
        asked.extend(some := list(names))
        return await ended(some)

    monkeypatch.setattr(workflows, "ended", counted)
    assert (await a_round(shop, workflows)).refunds == 0
    assert refund.workflow_id not in asked


async def test_an_item_that_redis_lost_sells_again_although_temporal_is_away(
    shop: Shop, workflows: WorkflowsDouble
) -> None:
    await place(shop.database, shop.item, "ada")
    await shop.redis.flushall()
    workflows.away = RPCError("gone", RPCStatusCode.UNAVAILABLE, b"")

    swept = await a_round(shop, workflows)

    assert swept == Swept(rebuilt=1, failed=("restarted",))
    assert await shop.counts() == (4, 1, 0, 4)
    subject = f"{shop.item.sale_id}/teapot"
    assert await open_attentions(shop) == [(AttentionKind.STORE_LOST, subject)]


async def test_intents_that_wait_too_long_call_a_person_until_they_are_started(
    shop: Shop, workflows: WorkflowsDouble
) -> None:
    await shop.intent("ada")

    await a_round(shop, workflows, overdue_after=timedelta(seconds=-1))
    assert await open_attentions(shop) == [(AttentionKind.INTENTS_WAIT, "intents")]

    await start_all(shop.redis)
    await a_round(shop, workflows)
    assert await open_attentions(shop) == []
