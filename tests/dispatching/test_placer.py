"""Accepted orders are placed ahead of their workflows, whoever comes and goes meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from asyncpg import DataError
from redis.asyncio import Redis

from dispatching.burial import Burial
from dispatching.placer import MAX_FAILURES, Placer
from domain.order import RejectReason
from domain.reservation import Intent
from domain.states import OrderStatus, SaleStatus
from infra.postgres.flights.placing import PlacingFlights
from infra.postgres.sales import Sales
from infra.redis.intent_groups import Group
from infra.redis.intents import Intents
from infra.redis.keys import ItemKeys
from tests.support.dispatched_shop import (
    SHORT_MS,
    dispatching,
    order_of,
    placed_order,
    placing,
    waiting_once,
)
from tests.support.gate import Backlog, backlog_of, eventually
from tests.support.intent_groups import gone, reading
from tests.support.shop import Shop


async def clicked(shop: Shop, *users: str) -> list[str]:
    return [(await shop.click(user)).order_id for user in users]


class OddFlights:
    """Real ones, out of order for a while, and never able to write one buyer's order."""

    def __init__(self, shop: Shop, outages: int = 0) -> None:
        self._flights = PlacingFlights(shop.database)
        self.outages = outages
        self.under_way, self.may_land = asyncio.Event(), asyncio.Event()
        self.may_land.set()

    async def place(self, intent: Intent) -> Any:
        self.under_way.set()
        await self.may_land.wait()
        if intent.user_id == "odd":
            raise DataError("out of range")
        if self.outages:
            self.outages -= 1
            raise ConnectionRefusedError
        return await self._flights.place(intent)


@asynccontextmanager
async def placing_oddly(shop: Shop, flights: OddFlights) -> AsyncIterator[Placer]:
    stop = asyncio.Event()
    group = reading(shop.redis, Group.PLACE, alive_ms=SHORT_MS)
    burial = Burial(group, shop.database, shop.gate)
    placer = Placer(
        group, Intents(shop.redis), cast(PlacingFlights, flights), burial, alive_ms=SHORT_MS
    )
    run = asyncio.create_task(placer.run(stop))
    try:
        yield placer
    finally:
        stop.set()
        await run


async def test_orders_are_payable_while_nobody_starts_a_workflow(shop: Shop) -> None:
    order_ids = await clicked(shop, *(f"user-{n}" for n in range(8)))
    async with placing(shop):
        orders = [await placed_order(shop, order_id) for order_id in order_ids]
        await eventually(
            lambda: backlog_of(shop.redis, shop.item.ref, Group.PLACE),
            lambda left: left.pending == 0,
        )

    assert {order.status for order in orders} == {OrderStatus.PENDING_PAYMENT}
    assert await shop.counts() == (12, 8, 0, 12)
    # Each entry waits for who starts.
    assert await backlog_of(shop.redis, shop.item.ref) == Backlog(waiting=8, pending=0, dead=0)


async def test_it_is_at_rest_while_nobody_waits_to_be_placed(shop: Shop) -> None:
    flights = OddFlights(shop)
    flights.may_land.clear()
    async with placing_oddly(shop, flights) as placer:
        assert placer.at_rest.is_set()
        [order_id] = await clicked(shop, "ada")
        await flights.under_way.wait()
        assert not placer.at_rest.is_set()

        flights.may_land.set()
        await placer.at_rest.wait()

        assert (await placed_order(shop, order_id)).status is OrderStatus.PENDING_PAYMENT


async def test_deadlines_of_one_moment_are_spread(shop: Shop) -> None:
    order_ids = await clicked(shop, *(f"user-{n}" for n in range(8)))
    async with placing(shop):
        orders = [await placed_order(shop, order_id) for order_id in order_ids]

    assert len({order.pay_deadline for order in orders}) == 8


async def test_one_that_does_not_fit_is_left_to_its_workflow_and_rejected(shop: Shop) -> None:
    # Redis has promised two more than there are.
    await shop.redis.hincrby(ItemKeys.of(shop.item.ref).item, "stock", 2)
    order_ids = await clicked(shop, *(f"user-{n}" for n in range(22)))
    async with shop.worker(), dispatching(shop):
        orders = [await placed_order(shop, order_id) for order_id in order_ids]
        assert (await waiting_once(shop, 0)).dead == 0

    rejected = [order for order in orders if order.status is OrderStatus.REJECTED]
    assert [order.reason for order in rejected] == [RejectReason.SOLD_OUT] * 2
    assert (await shop.counts())[:2] == (0, 20)


async def test_an_order_of_a_cancelled_sale_is_rejected(shop: Shop) -> None:
    async with shop.database.transaction() as connection:
        await Sales(connection).change_status(
            shop.sale.sale_id, SaleStatus.PUBLISHED, SaleStatus.CANCELLED
        )
    [order_id] = await clicked(shop, "ada")
    async with shop.worker(), dispatching(shop):
        order = await placed_order(shop, order_id)

    assert (order.status, order.reason) == (OrderStatus.REJECTED, RejectReason.SALE_CANCELLED)
    assert (await shop.counts())[:2] == (20, 0)


async def test_what_a_dead_placer_had_written_is_found_and_held_once(shop: Shop) -> None:
    order_ids = await clicked(shop, "ada", "bob")
    # Killed after the commit and before Redis was told.
    entries = await reading(shop.redis, Group.PLACE, "dead").read(10, 10)
    [first, _] = [entry.intent() for entry in entries]
    standing = await PlacingFlights(shop.database).place(first)
    await gone(shop.redis, Group.PLACE, "dead")
    async with placing(shop):
        orders = [await placed_order(shop, order_id) for order_id in order_ids]

    assert standing.order in orders
    assert await shop.counts() == (18, 2, 0, 18)


async def test_a_workflow_that_was_first_is_found(shop: Shop) -> None:
    intent = await shop.intent("ada")
    async with shop.worker():
        handle = await shop.start(intent)
        first = await placed_order(shop, intent.order_id)
        async with dispatching(shop):
            assert await waiting_once(shop, 0) == Backlog(waiting=0, pending=0, dead=0)
        assert await order_of(shop, intent.order_id) == first
        assert await shop.cancel(handle) is OrderStatus.CANCELLED

    assert await shop.counts() == (20, 0, 0, 20)


async def test_a_workflow_that_comes_second_finds_the_order_with_its_deadline(shop: Shop) -> None:
    [order_id] = await clicked(shop, "ada")
    async with placing(shop):
        placed = await placed_order(shop, order_id)
    async with shop.worker():
        handle = await shop.start(shop.intent_for(order_id, "ada"))
        payment = await shop.begin_payment(handle)
        assert await order_of(shop, order_id) == placed
        await shop.cancel(handle)

    assert payment.order_id == order_id
    assert await shop.counts() == (20, 0, 0, 20)


async def test_an_outage_counts_against_nobody(shop: Shop) -> None:
    [order_id] = await clicked(shop, "ada")
    async with placing_oddly(shop, OddFlights(shop, outages=MAX_FAILURES + 2)):
        await placed_order(shop, order_id)

    assert (await backlog_of(shop.redis, shop.item.ref)).dead == 0


async def test_an_entry_that_fails_by_itself_is_buried_alone(shop: Shop) -> None:
    _, good = await clicked(shop, "odd", "ada")
    async with placing_oddly(shop, OddFlights(shop)):
        await placed_order(shop, good)
        assert await waiting_once(shop, 1) == Backlog(waiting=1, pending=0, dead=1)

    assert await shop.counts() == (19, 1, 0, 18)


async def test_what_the_single_group_of_before_had_in_hand_goes_on(
    shop: Shop, redis: Redis
) -> None:
    key = ItemKeys.of(shop.item.ref).intents
    taken, left = await clicked(shop, "ada", "bob")
    await redis.xgroup_create(key, "dispatcher", id="0")
    await redis.xreadgroup("dispatcher", "of before", {key: ">"}, count=1)
    async with shop.worker(), dispatching(shop, alive_ms=SHORT_MS):
        for order_id in (taken, left):
            await placed_order(shop, order_id)
        assert await waiting_once(shop, 0) == Backlog(waiting=0, pending=0, dead=0)
        assert await shop.workflows.ended([f"order-{taken}", f"order-{left}"]) == {}

    assert {group["name"] for group in await redis.xinfo_groups(key)} == set(Group)
