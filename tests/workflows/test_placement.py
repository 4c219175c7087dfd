"""An order is placed in Redis and in Postgres, or in neither."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError

from activities.giving_back import GivingBack
from activities.orders import EndOrder, OrderActivities, PlaceOrder
from domain.ids import new_order_id
from domain.reservation import ReservationState
from domain.states import OrderStatus
from tests.support.deadlines import extend
from tests.support.ledger import give_back
from tests.support.replaying import steps_of
from tests.support.shop import Shop
from tests.support.unlucky_branches import (
    handle_of,
    rebuild_without_reservations,
    settled_in_a_lost_task,
    until_it_waits,
)


async def test_a_workflow_started_without_the_gate_reserves_for_itself(shop: Shop) -> None:
    intent = shop.intent_for(new_order_id(shop.item.item_number, 1), "bob")
    handle = await shop.start(intent.model_copy(update={"accepted_at_ms": 0}))
    assert await shop.cancel(handle) is OrderStatus.CANCELLED
    assert await shop.counts() == (5, 0, 0, 5)


async def test_what_the_gate_refuses_ends_as_a_rejection_on_record(shop: Shop) -> None:
    await shop.intent("ada", 2)
    intent = shop.intent_for(new_order_id(shop.item.item_number, 1), "ada")
    outcome = await (await shop.start(intent)).result()
    assert outcome.status is OrderStatus.REJECTED
    order = (await shop.dossier(intent.order_id)).order
    assert (order.status, order.reason) == (OrderStatus.REJECTED, "limit_reached")


async def test_a_unit_redis_promised_and_postgres_never_had_is_not_sold(shop: Shop) -> None:
    handles = [await shop.start(await shop.intent(user)) for user in "abcde"]
    for handle in handles:
        await shop.pay(handle)
    for handle in handles:
        assert (await handle.result()).status is OrderStatus.FULFILLED
    # Redis comes to believe in one unit more than there is.
    terms = await shop.gate.terms(shop.item.ref)
    assert terms is not None
    await shop.gate.rebuild(terms, 1, [])

    intent = await shop.intent("frank")
    outcome = await (await shop.start(intent)).result()

    assert outcome.status is OrderStatus.REJECTED
    assert await shop.counts() == (0, 0, 5, 0)


async def test_an_order_that_stands_in_postgres_is_not_rejected_by_redis(shop: Shop) -> None:
    """Its workflow was lost, Redis lost its reservation, and granted the unit to others."""
    handle = await shop.start(intent := await shop.intent())
    await until_it_waits(shop, intent)
    await handle.terminate()
    await rebuild_without_reservations(shop, stock=0)
    assert await shop.workflows.start_order_again(intent)

    await shop.pay(again := handle_of(shop, intent))

    assert (await again.result()).status is OrderStatus.FULFILLED
    assert await shop.counts() == (4, 0, 1, 0)


async def test_an_order_that_stands_in_postgres_only_can_be_given_up(shop: Shop) -> None:
    handle = await shop.start(intent := await shop.intent())
    await until_it_waits(shop, intent)
    await handle.terminate()
    await rebuild_without_reservations(shop, stock=0)
    assert await shop.workflows.start_order_again(intent)

    assert await shop.cancel(handle_of(shop, intent)) is OrderStatus.CANCELLED

    # Redis is told of no unit that it did not have; its repair finds the free one.
    assert await shop.counts() == (5, 0, 0, 0)


async def test_an_order_that_is_over_gives_a_new_run_its_end(shop: Shop) -> None:
    """Redis has forgotten that the order gave its unit back, and would grant it another."""
    handle = await shop.start(intent := await shop.intent())
    await shop.cancel(handle)
    await handle.result()
    await rebuild_without_reservations(shop, stock=5)
    assert await shop.workflows.start_order_again(intent)

    again = handle_of(shop, intent)
    outcome = await again.result()

    assert (outcome.status, outcome.reason) == (OrderStatus.CANCELLED, "changed my mind")
    assert (await shop.dossier(intent.order_id)).order.status is OrderStatus.CANCELLED
    assert await shop.counts() == (5, 0, 0, 5)
    # It only finishes: nothing is undone a second time, and nobody rejected.
    assert await steps_of(again) == ["reserve_stock"]


async def test_who_ends_an_order_gives_its_stock_back_and_no_step_is_left(shop: Shop) -> None:
    handle = await shop.start(await shop.intent())

    assert await shop.cancel(handle) is OrderStatus.CANCELLED

    await handle.result()
    assert await shop.counts() == (5, 0, 0, 5)
    assert await steps_of(handle) == ["reserve_stock", "close_order", "cancel_order"]


async def test_what_could_not_be_given_back_at_once_is_given_back_by_a_step_of_its_own(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def redis_is_away(*_: object) -> bool:
        return False

    monkeypatch.setattr(GivingBack, "try_to", redis_is_away)
    handle = await shop.start(await shop.intent())

    assert await shop.cancel(handle) is OrderStatus.CANCELLED

    await handle.result()
    assert await shop.counts() == (5, 0, 0, 5)
    assert (await steps_of(handle))[-2:] == ["cancel_order", "release_stock"]


async def test_an_order_that_another_run_has_ended_is_what_that_run_made_of_it(shop: Shop) -> None:
    """It stood still while the other worked, and then wants to undo what is undone."""
    handle = await shop.start(intent := await shop.intent())
    await until_it_waits(shop, intent)
    timed_out = EndOrder(intent=intent, status=OrderStatus.TIMED_OUT, reason="not paid in time")
    await OrderActivities(shop.database).cancel_order(timed_out)

    with pytest.raises(WorkflowUpdateFailedError):
        await shop.cancel(handle)

    outcome = await handle.result()
    assert (outcome.status, outcome.reason) == (OrderStatus.TIMED_OUT, "not paid in time")
    assert await shop.counts() == (5, 0, 0, 5)


@pytest.mark.parametrize("moment", ["before", "while it waits"])
async def test_an_order_that_is_given_back_is_finished_and_not_released(
    shop: Shop, moment: str
) -> None:
    """Its refund sees to its stock, which would be sold twice."""
    intent = await shop.intent()
    if moment == "before":
        place = PlaceOrder(intent=intent, placed_at=datetime.now(UTC))
        await OrderActivities(shop.database).place_order(place)
    else:
        handle = await shop.start(intent)
        await until_it_waits(shop, intent)
    await settled_in_a_lost_task(shop, intent.order_id)
    order = (await shop.dossier(intent.order_id)).order
    await give_back(shop.database, order, (await shop.dossier(intent.order_id)).payments[0])
    if moment == "before":
        handle = await shop.start(intent)
    else:
        with pytest.raises(WorkflowUpdateFailedError):
            await shop.cancel(handle)

    assert (await handle.result()).status is OrderStatus.REFUNDED
    reservation = await shop.gate.reservation(intent.item, intent.order_id)
    assert reservation is not None
    assert reservation.state is ReservationState.HELD
    assert "release_stock" not in await steps_of(handle)


async def test_extensions_made_at_once_add_up(shop_without_worker: Shop) -> None:
    shop = shop_without_worker
    async with shop.worker():
        handle = await shop.start(intent := await shop.intent())
        await until_it_waits(shop, intent)
    before = (await shop.dossier(intent.order_id)).order.pay_deadline
    # Both wait for the worker, and so come in one task.
    asked = [asyncio.create_task(extend(handle, seconds)) for seconds in (3600, 600)]
    await asyncio.sleep(0.5)
    async with shop.worker():
        await asyncio.gather(*asked)
    after = (await shop.dossier(intent.order_id)).order.pay_deadline

    assert before is not None
    assert after == before + timedelta(seconds=4200)
    await handle.terminate()
