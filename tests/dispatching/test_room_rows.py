import asyncio
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from dispatching.room_rows import RoomRows
from domain.room import TicketState
from infra.postgres.engine import Database
from infra.postgres.rooms import Rooms
from infra.redis.joins import Joins
from infra.redis.keys import RoomKeys
from tests.support.drawing import DrawnRoom
from tests.support.gate import ITEM


@pytest.fixture
async def room(redis: Redis, database: Database) -> DrawnRoom:
    return await DrawnRoom.open(redis, database)


async def test_rows_follow_and_the_stream_is_empty_then(room: DrawnRoom) -> None:
    await room.join("ada")
    await room.join("bob")
    await room.rooms.leave(ITEM, "ada")

    await room.keep_rows()

    ada, bob = await room.tickets()
    assert (ada.user_id, ada.state, ada.index) == ("ada", TicketState.LEFT, 0)
    assert bob == (await room.rooms.look(ITEM, "bob")).ticket
    assert await room.redis.xlen(RoomKeys.of(ITEM).joins) == 0
    async with room.database.transaction() as connection:
        kept = await Rooms(connection).get(ITEM)
    assert kept is not None
    assert kept.next_number == 2


async def test_killed_before_the_stream_is_told_the_same_is_written_once_more(
    room: DrawnRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.join("ada")

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched, pytest.raises(asyncio.CancelledError):
        patched.setattr(Joins, "forget", dies)
        await room.keep_rows()
    before = await room.tickets()
    assert await room.redis.xlen(RoomKeys.of(ITEM).joins) == 1

    await room.keep_rows()

    assert await room.tickets() == before
    assert await room.redis.xlen(RoomKeys.of(ITEM).joins) == 0


async def test_what_no_script_of_ours_wrote_keeps_nobody_waiting(room: DrawnRoom) -> None:
    joins = RoomKeys.of(ITEM).joins
    for fields in ({"what": "joined"}, {"user": "x", "what": "sung", "ticket": "", "at_ms": "1"}):
        await room.redis.xadd(joins, cast(dict[Any, Any], fields))
    await room.join("ada")

    await room.keep_rows()

    assert [one.user_id for one in await room.tickets()] == ["ada"]
    assert await room.redis.xlen(joins) == 0


async def test_a_stream_with_nothing_that_can_be_read_is_emptied_too(room: DrawnRoom) -> None:
    joins = RoomKeys.of(ITEM).joins
    await room.join("ada")
    await room.keep_rows()
    await room.redis.xadd(joins, {"what": "joined"})

    await room.keep_rows()

    assert await room.redis.xlen(joins) == 0


async def test_an_index_given_twice_calls_a_person(room: DrawnRoom) -> None:
    await room.join("ada")
    await room.keep_rows()
    # As if Redis had come back from a copy without anybody noticing.
    await room.redis.hset(RoomKeys.of(ITEM).room, "next", "0")
    await room.join("eve")

    await room.keep_rows()

    assert [one.user_id for one in await room.tickets()] == ["ada"]
    async with room.database.transaction() as connection:
        what = await connection.scalar(text("SELECT what FROM attentions"))
    assert what is not None
    assert "eve" in what


async def test_rooms_of_other_items_go_on_when_one_cannot_be_written(
    room: DrawnRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.join("ada")
    rows = RoomRows(room.redis, room.database)

    async def breaks(*_: object) -> None:
        raise ValueError("of this room alone")

    with monkeypatch.context() as patched:
        patched.setattr(type(rows), "_keep", breaks)
        assert not await rows.keep([ITEM])

    assert not await rows.keep([ITEM])
    assert len(await room.tickets()) == 1
