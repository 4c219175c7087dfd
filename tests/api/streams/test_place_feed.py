"""Owners of places are told what becomes of them, and all are read for together."""

import json
from typing import Any

import pytest
from redis.asyncio import Redis

from api.rooms import Rooms
from api.seals import Seals
from api.streams.place_feed import PlaceFeed
from api.streams.stream import End, Stream
from infra.redis.keys import LIVE_ROOMS, RoomKeys, directory_line
from infra.redis.room_places import RoomPlaces
from tests.support.gate import ITEM
from tests.support.rooms import Room

NOTHING: Any = None


@pytest.fixture
async def room(redis: Redis) -> Room:
    """One unit, for which ada and bob wait."""
    opened = await Room.open(redis, stock=1)
    for user_id in ("ada", "bob"):
        await opened.join(user_id)
    return opened


@pytest.fixture
def feed(room: Room) -> PlaceFeed:
    shown = Rooms(room.gate, room.rooms, NOTHING, Seals("s" * 32), NOTHING)
    return PlaceFeed(room.rooms, RoomPlaces(room.redis), shown.place)


def follow(feed: PlaceFeed, user_id: str) -> Stream:
    stream = Stream(user_id, 60, End.TOO_LONG)
    feed.follow_user(stream)
    return stream


async def told(feed: PlaceFeed, *streams: Stream) -> list[str]:
    """What each is told in a turn: the state of its place, or nothing."""
    await feed._turn()
    return [" ".join(view["state"] for view in views(stream)) for stream in streams]


def views(stream: Stream) -> list[dict[str, Any]]:
    found = [json.loads(message.data) for message in stream._waiting.values()]
    stream._waiting.clear()
    return found


async def test_a_place_is_told_when_something_becomes_of_it(room: Room, feed: PlaceFeed) -> None:
    ada, bob = follow(feed, "ada"), follow(feed, "bob")
    assert await told(feed, ada, bob) == ["waiting", "waiting"]
    assert await told(feed, ada, bob) == ["", ""]
    await room.turn()
    assert await told(feed, ada, bob) == ["called", ""]
    await room.enter("ada")
    await feed._turn()
    (fetched,) = views(ada)
    await room.order("ada")
    await room.leave("bob")
    assert await told(feed, ada, bob) == ["used", "left"]
    again = (await room.join("ada")).ticket
    assert fetched["expires_at"]
    assert (fetched["sale_id"], fetched["sku_id"]) == (ITEM.sale_id, ITEM.sku_id)
    assert again
    assert fetched["leaf"] == again.leaf


async def test_the_end_is_told_though_nobody_looks_after_the_room_any_more(
    room: Room, feed: PlaceFeed
) -> None:
    ada = follow(feed, "ada")
    assert await told(feed, ada) == ["waiting"]
    await room.redis.hset(RoomKeys.of(ITEM).room, "over", "1")
    await room.redis.srem(LIVE_ROOMS, directory_line(ITEM))
    assert await told(feed, ada) == ["over"]
    assert await told(feed, ada) == [""]


async def test_many_cost_one_question_and_who_has_changed_one_more(
    room: Room, feed: PlaceFeed
) -> None:
    ada, *others = [follow(feed, name) for name in ("ada", *map(str, range(199)))]
    assert await told(feed, ada, *others) == ["waiting"] + [""] * 199
    await room.redis.config_resetstat()
    await feed._turn()
    calls: dict[str, Any] = await room.redis.info("commandstats")
    # The room and its tickets.
    assert calls["cmdstat_hmget"]["calls"] == 2
    assert calls["cmdstat_smembers"]["calls"] == 1
    assert "cmdstat_evalsha" not in calls


async def test_a_second_stream_is_told_all_and_the_first_nothing_twice(feed: PlaceFeed) -> None:
    first = follow(feed, "ada")
    assert await told(feed, first) == ["waiting"]
    second = follow(feed, "ada")
    assert await told(feed, first, second) == ["", "waiting"]
    for stream in (first, second):
        stream.close()
    assert feed._by_user == {}


async def test_what_could_not_be_shown_is_shown_later(
    feed: PlaceFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise OSError("Redis is away")

    ada = follow(feed, "ada")
    with monkeypatch.context() as patched, pytest.raises(OSError, match="away"):
        patched.setattr(feed, "_show", fail)
        await feed._turn()
    assert await told(feed, ada) == ["waiting"]
