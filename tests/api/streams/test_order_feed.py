"""What is read for all streams together, and told to each."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from api.metrics import Metrics
from api.streams.order_feed import OrderFeed
from api.streams.stream import End, Stream
from domain.order import Order, OrderChange
from infra.postgres.dossiers import Dossiers
from infra.postgres.engine import Database
from tests.support.ledger import cancel, open_item, pay, place
from tests.support.polling import until


@dataclass
class Reads:
    """Each query of the feed: how many orders it asked for."""

    asked: list[int] = field(default_factory=list)
    fails: bool = False


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    reads, changed = Reads(), Dossiers.changed

    async def counted(self: Dossiers, known: dict[str, int], *rest: Any, **more: Any) -> Any:
        reads.asked.append(len(known))
        if reads.fails:
            raise OSError("Postgres is away")
        return await changed(self, known, *rest, **more)

    monkeypatch.setattr(Dossiers, "changed", counted)
    return reads


@pytest.fixture
async def feed(database: Database) -> AsyncIterator[OrderFeed]:
    feed = OrderFeed(database, Metrics(), look_seconds=3600.0)
    running = asyncio.create_task(feed.run())
    yield feed
    running.cancel()


@pytest.fixture
async def orders(database: Database) -> list[Order]:
    item = await open_item(database)
    return [await place(database, item, user_id) for user_id in ("ada", "bob", "cid", "dan")]


def a_stream(user_id: str = "ada") -> Stream:
    return Stream(user_id, 60, End.EXPIRED)


def change(order: Order, version: int) -> OrderChange:
    return OrderChange(order.user_id, order.order_id, version)


async def statuses(stream: Stream, count: int = 1) -> list[str]:
    """Of the next words, in the order they come."""
    found: list[str] = []
    async for batch in stream.batches():
        found += [json.loads(message.data)["status"] for message in batch]
        if len(found) >= count:
            break
    return found


async def follow(feed: OrderFeed, orders: Sequence[Order]) -> list[Stream]:
    """Who follow them, and have been told what they are like."""
    streams = [a_stream(order.user_id) for order in orders]
    for stream, order in zip(streams, orders, strict=True):
        feed.follow_order(stream, order.order_id)
    await asyncio.gather(*(feed.see(order.order_id) for order in orders))
    for stream in streams:
        assert await statuses(stream) == ["pending_payment"]
    return streams


async def test_all_that_is_asked_or_told_in_a_turn_is_read_by_one_query(
    feed: OrderFeed, database: Database, orders: list[Order], reads: Reads
) -> None:
    streams = await follow(feed, orders)
    assert reads.asked == [4]
    for order in orders:
        await cancel(database, order)
    feed.changed([change(order, 2) for order in orders])
    assert [await statuses(stream) for stream in streams] == [["cancelled"]] * 4
    assert reads.asked == [4, 4]
    assert all(stream.end is End.FINAL for stream in streams)


async def test_what_is_known_or_nobody_follows_is_not_read(
    feed: OrderFeed, orders: list[Order], reads: Reads
) -> None:
    mine, *others = orders
    await follow(feed, [mine])
    feed.changed([change(mine, 1), *(change(order, 9) for order in others)])
    assert not feed._due
    assert reads.asked == [1]


async def test_who_leaves_is_followed_by_nothing(feed: OrderFeed, orders: list[Order]) -> None:
    streams = await follow(feed, orders)
    whole = a_stream()
    feed.follow_user(whole)
    for stream in (*streams, whole):
        stream.close()
    assert (feed._by_order, feed._by_user) == ({}, {})


async def test_a_look_finds_what_nobody_told(
    feed: OrderFeed, database: Database, orders: list[Order], reads: Reads
) -> None:
    (stream,) = await follow(feed, orders[:1])
    whole = a_stream("bob")
    feed.follow_user(whole)
    assert await statuses(whole) == ["pending_payment"]
    reads.asked.clear()
    for order in orders[:2]:
        await pay(database, order)
    new = await place(database, await open_item(database, sale_id="next"), "bob")
    feed.look()
    assert await statuses(stream) == ["paid"]
    assert await statuses(whole, 2) == ["paid", "pending_payment"]
    # The new one nobody knew of, and yet it was one query for both streams.
    assert reads.asked == [2]
    assert feed._by_user["bob"].versions.keys() == {orders[1].order_id, new.order_id}


async def test_a_second_stream_of_a_user_is_told_all_and_the_first_nothing_twice(
    feed: OrderFeed, database: Database, orders: list[Order]
) -> None:
    first, second = a_stream(), a_stream()
    feed.follow_user(first)
    assert await statuses(first) == ["pending_payment"]
    feed.follow_user(second)
    assert await statuses(second) == ["pending_payment"]
    await cancel(database, orders[0])
    feed.changed([change(orders[0], 2)])
    assert await statuses(first) == await statuses(second) == ["cancelled"]


async def test_what_could_not_be_read_is_read_once_postgres_is_back(
    feed: OrderFeed, database: Database, orders: list[Order], reads: Reads,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("api.streams.order_feed.PAUSE_AFTER_FAILURE_SECONDS", 0.01)
    (stream,) = await follow(feed, orders[:1])
    reads.fails = True
    whole = a_stream("bob")
    feed.follow_user(whole)
    await cancel(database, orders[0])
    feed.changed([change(orders[0], 2)])
    feed.look()
    with pytest.raises(OSError, match="away"):
        await feed.see(orders[1].order_id)
    await until(lambda: len(reads.asked) > 3)
    reads.fails = False
    assert await statuses(stream) == ["cancelled"]
    assert await statuses(whole) == ["pending_payment"]


async def test_an_order_nobody_knows_is_none(feed: OrderFeed) -> None:
    assert await feed.see("nobody's") is None
