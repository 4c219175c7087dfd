"""A peer's reservations and its queue, on a real Redis."""

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from redis.asyncio import Redis

from bench.peers.engines.gate import Intent, Item, PeerGate

ITEM = Item("sale1", "sku1")


def intent(number: int, quantity: int = 1) -> Intent:
    return Intent(f"order{number}", f"buyer{number}", quantity, ITEM.sale_id, ITEM.sku_id)


@pytest.fixture
async def gate(redis: Redis, redis_url: str) -> AsyncIterator[PeerGate]:
    opened = await PeerGate.open_(redis_url, "peer")
    await opened.put_on_sale(ITEM, 3)
    yield opened
    await opened.aclose()


class Killed(Exception):
    """The consumer dies before it acknowledges what it was handed."""


async def consumed_until(gate: PeerGate, dies_at: str) -> list[str]:
    """The orders a consumer handles before it comes to the one that kills it."""
    handled: list[str] = []

    async def handle(intents: list[Intent]) -> None:
        for one in intents:
            if one.order_id == dies_at:
                raise Killed
            handled.append(one.order_id)

    with suppress(Killed):
        await gate.consume(1, handle)
    return handled


async def test_stock_is_given_out_once_and_one_to_each_buyer(gate: PeerGate) -> None:
    wanted = [intent(1), intent(1), intent(2, quantity=3), intent(3, quantity=2)]

    answers = await gate.reserve(wanted)

    assert answers == ["reserved", "limit_reached", "sold_out", "reserved"]
    assert await gate.reservations(ITEM) == ["held", "held"]


async def test_an_item_that_was_never_put_on_sale_is_not_found(gate: PeerGate) -> None:
    unknown = Intent("order", "buyer", 1, "another", "sku1")

    assert await gate.reserve([unknown]) == ["not_found"]


async def test_what_a_dead_consumer_had_in_hand_is_handled_first_by_the_next(
    gate: PeerGate,
) -> None:
    await gate.put_on_sale(ITEM, 4)
    await gate.reserve([intent(number) for number in (1, 2, 3, 4)])

    assert await consumed_until(gate, "order2") == ["order1"]
    assert await consumed_until(gate, "order4") == ["order2", "order3"]
