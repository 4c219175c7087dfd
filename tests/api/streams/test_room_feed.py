"""A room that many follow is read once, and told when it changes."""

import asyncio
import json
from itertools import pairwise

from api.streams.room_feed import RoomFeed
from api.streams.stream import End, Stream
from tests.support.gate import ITEM
from tests.support.read_room import ReadRoom

STADIUM = 450


async def follow(feed: RoomFeed, count: int) -> list[Stream]:
    streams = [Stream("192.0.2.1", 60, End.TOO_LONG) for _ in range(count)]
    seen = await feed.read(ITEM)
    for stream in streams:
        feed.follow(stream, ITEM, seen)
    return streams


def told(stream: Stream) -> list[int]:
    """Places served, of what waits to be sent; taken away."""
    serving = [json.loads(message.data)["serving"] for message in stream._waiting.values()]
    stream._waiting.clear()
    return serving


async def test_a_stadium_shares_one_read_and_is_told_a_part_at_a_time() -> None:
    room = ReadRoom()
    feed = RoomFeed(room.read)
    streams = await follow(feed, STADIUM)
    assert [told(stream) for stream in streams] == [[0]] * STADIUM
    # Only time went by.
    await feed._turn()
    assert not any(told(stream) for stream in streams)

    room.serving, before, so_far = 7, room.reads, [0]
    turn = asyncio.create_task(feed._turn())
    while not turn.done():
        await asyncio.sleep(0)
        so_far.append(sum(bool(stream._waiting) for stream in streams))

    assert room.reads == before + 1
    assert [told(stream) for stream in streams] == [[7]] * STADIUM
    assert max(more - less for less, more in pairwise(so_far)) <= 200


async def test_who_comes_later_is_told_at_once_what_the_others_know() -> None:
    room = ReadRoom()
    feed = RoomFeed(room.read)
    (first,) = await follow(feed, 1)
    room.serving = 1
    (second,) = await follow(feed, 1)
    assert (told(first), told(second)) == ([0], [0])
    await feed._turn()
    assert (told(first), told(second)) == ([1], [1])
    for stream in (first, second):
        stream.close()
    assert feed._by_item == {}


async def test_streams_end_with_the_room_and_its_sale() -> None:
    room, gone = ReadRoom(), ReadRoom()
    feed, other = RoomFeed(room.read), RoomFeed(gone.read)
    (follower,), (orphan,) = await follow(feed, 1), await follow(other, 1)
    room.is_final = gone.is_gone = True
    room.serving = 3
    await feed._turn()
    await other._turn()
    assert (told(follower), follower.end, orphan.end) == ([3], End.FINAL, End.FINAL)
    (late,) = await follow(feed, 1)
    assert (told(late), late.end) == ([3], End.FINAL)
