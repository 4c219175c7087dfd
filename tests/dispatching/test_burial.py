"""An order that was placed ahead and can never have a workflow is undone, whoever comes first."""

from datetime import timedelta

import pytest
from redis.exceptions import ConnectionError as RedisAway

from audit.repair import repair
from audit.run import run_audit
from audit.sources import AuditSources
from dispatching.burial import UNDONE_REASON, Burial
from domain.attention import AttentionKind
from domain.states import OrderStatus
from infra.postgres.attentions import Attentions
from infra.postgres.flights.placing import PlacingFlights
from infra.redis.intent_groups import Group, IntentGroup
from infra.redis.intents import Intents
from tests.support.dispatched_shop import (
    Refusing,
    dispatching,
    order_of,
    placed_order,
    placing,
    waiting_once,
)
from tests.support.gate import Backlog, backlog_of
from tests.support.intent_groups import reading
from tests.support.ledger import begin
from tests.support.own_workflows import OwnWorkflows
from tests.support.shop import Shop
from tests.support.values import a_payment


def burial(shop: Shop, group: IntentGroup) -> Burial:
    return Burial(group, shop.database, shop.gate)


async def test_placed_first_it_is_undone_and_its_stock_is_back(shop: Shop) -> None:
    order_id = (await shop.click("ada")).order_id
    async with placing(shop):
        await placed_order(shop, order_id)
    async with dispatching(shop, Refusing()):
        assert await waiting_once(shop, 0) == Backlog(waiting=0, pending=0, dead=1)

    order = await order_of(shop, order_id)
    assert order is not None
    assert (order.status, order.reason) == (OrderStatus.CANCELLED, UNDONE_REASON)
    assert await shop.counts() == (20, 0, 0, 20)
    async with shop.database.transaction() as connection:
        [attention], _ = await Attentions(connection).open_(None, 10)
    assert (attention.kind, attention.order_id) == (AttentionKind.DEAD_INTENT, order_id)


async def test_what_is_just_being_placed_is_not_buried(shop: Shop) -> None:
    await shop.click("ada")
    ours, another = (reading(shop.redis, Group.PLACE, name) for name in ("ours", "another"))
    [entry] = await ours.read(10, 10)

    assert await burial(shop, ours).bury_placed(entry, "refused") is False
    assert await burial(shop, another).bury_placed(entry, "refused") is False
    assert await backlog_of(shop.redis, shop.item.ref) == Backlog(waiting=1, pending=0, dead=0)

    # It is placed, and now there is something to undo.
    await PlacingFlights(shop.database).place(entry.intent())
    await ours.finish([entry])
    assert await burial(shop, another).bury_placed(entry, "refused") is True
    assert await shop.counts() == (20, 0, 0, 20)


async def test_what_was_buried_first_is_never_placed(shop: Shop) -> None:
    order_id = (await shop.click("ada")).order_id
    [entry] = await reading(shop.redis, Group.START).read(10, 10)
    assert await burial(shop, reading(shop.redis, Group.PLACE)).bury_placed(entry, "refused")

    assert await reading(shop.redis, Group.PLACE, "late").read(10, 10) == []
    assert await order_of(shop, order_id) is None


async def test_an_order_somebody_is_paying_for_stands(shop: Shop) -> None:
    order_id = (await shop.click("ada")).order_id
    async with placing(shop):
        await begin(shop.database, a_payment(await placed_order(shop, order_id)))
    async with dispatching(shop, Refusing()):
        assert (await waiting_once(shop, 0)).dead == 1

    order = await order_of(shop, order_id)
    assert order is not None
    assert order.status is OrderStatus.PENDING_PAYMENT
    assert await shop.counts() == (19, 1, 0, 19)


async def test_who_dies_between_undoing_and_burying_leaves_an_entry_that_ends_well(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = (await shop.click("ada")).order_id
    async with placing(shop):
        await placed_order(shop, order_id)
    [entry] = await reading(shop.redis, Group.START, "dead").read(10, 10)
    group = reading(shop.redis, Group.PLACE)

    async def dies(*_: object) -> bool:
        raise RedisAway("killed here")

    monkeypatch.setattr(group, "bury", dies)
    with pytest.raises(RedisAway):
        await burial(shop, group).bury_placed(entry, "refused")
    await reading(shop.redis, Group.START, "dead").leave()

    async with shop.worker(), dispatching(shop):
        assert await waiting_once(shop, 0) == Backlog(waiting=0, pending=0, dead=0)
        handle = shop.client.get_workflow_handle(f"order-{order_id}")
        await handle.result()
    order = await order_of(shop, order_id)
    assert order is not None
    assert order.status is OrderStatus.CANCELLED
    assert await shop.counts() == (20, 0, 0, 20)


async def test_a_repair_that_puts_it_back_does_not_bring_the_order_back(
    shop: Shop, sources: AuditSources
) -> None:
    order_id = (await shop.click("ada")).order_id
    async with placing(shop):
        await placed_order(shop, order_id)
    async with dispatching(shop, Refusing()):
        assert (await waiting_once(shop, 0)).dead == 1

    assert (await repair(sources)).put_back == (order_id,)
    async with shop.worker(), dispatching(shop):
        assert await waiting_once(shop, 0) == Backlog(waiting=0, pending=0, dead=0)
        await shop.client.get_workflow_handle(f"order-{order_id}").result()

    order = await order_of(shop, order_id)
    assert order is not None
    assert order.status is OrderStatus.CANCELLED
    report = await run_audit(sources)
    assert [check for check in report.checks if not check.ok] == []


@pytest.fixture
def sources(shop: Shop) -> AuditSources:
    return AuditSources(
        database=shop.database,
        gate=shop.gate,
        intents=Intents(shop.redis),
        workflows=OwnWorkflows(shop),
        book=None,
        grace=timedelta(seconds=0.4),
    )
