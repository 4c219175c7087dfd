"""A peer's reservations and its queue, on a real Redis."""

import asyncio
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


async def consumed(gate: PeerGate, count: int, dies_at: str = "") -> list[str]:
    """The orders a consumer handles until there are `count`, or until one kills it."""
    handled: list[str] = []
    enough = asyncio.Event()

    async def handle(intents: list[Intent]) -> None:
        for one in intents:
            if one.order_id == dies_at:
                raise InterruptedError
            handled.append(one.order_id)
        if len(handled) >= count:
            enough.set()

    consuming = asyncio.create_task(gate.consume(1, handle))
    waiting = asyncio.create_task(enough.wait())
    await asyncio.wait({consuming, waiting}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    consuming.cancel()
    with suppress(asyncio.CancelledError, InterruptedError):
        await consuming
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
    await gate.reserve([intent(1), intent(2), intent(3)])

    assert await consumed(gate, 3, dies_at="order2") == ["order1"]
    assert await consumed(gate, 2) == ["order2", "order3"]
