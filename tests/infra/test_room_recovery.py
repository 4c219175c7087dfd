import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from domain.room import NUMBERS_LEFT_OUT, RoomVerdict
from domain.sale import ItemRef
from infra.postgres.engine import Database
from infra.redis.keys import RoomKeys
from infra.redis.room_gate import RoomGate
from infra.room_recovery import RoomRecovery
from tests.support.drawing import DrawnRoom
from tests.support.gate import ITEM
from tests.support.rooms import come_back_as_another

USERS = ["ada", "bob", "cyd"]


@pytest.fixture
async def room(redis: Redis, database: Database) -> DrawnRoom:
    room = await DrawnRoom.open(redis, database)
    for user in USERS:
        await room.join(user)
    await room.keep_rows()
    return room


async def lose_everything(room: DrawnRoom, *, started: bool = False) -> None:
    """Redis is empty; an audit has put the item back."""
    await room.redis.flushall()
    await room.gate.preheat(room.terms, 3)
    if started:
        await room.start()


async def test_numbers_go_on_behind_a_gap_and_everybody_keeps_his(room: DrawnRoom) -> None:
    before = [(await room.rooms.look(ITEM, user)).ticket for user in USERS]
    await lose_everything(room)

    late = await room.join("dan")

    assert [(await room.rooms.look(ITEM, user)).ticket for user in USERS] == before
    assert late.ticket is not None
    assert late.ticket.index == 3 + NUMBERS_LEFT_OUT


async def test_however_many_find_the_room_lost_it_is_put_back_once(
    room: DrawnRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lose_everything(room)
    reopened: list[ItemRef] = []
    reopen = RoomGate.reopen

    async def counted(gate: RoomGate, item: ItemRef, *known: Any) -> bool:
        reopened.append(item)
        return await reopen(gate, item, *known)

    monkeypatch.setattr(RoomGate, "reopen", counted)

    late = await asyncio.gather(*(room.join(f"late {number}") for number in range(5)))

    assert [one.verdict for one in late] == [RoomVerdict.TICKET] * 5
    assert reopened == [ITEM]


async def test_a_room_nobody_came_to_begins_at_its_first_number(
    redis: Redis, database: Database
) -> None:
    room = await DrawnRoom.open(redis, database)

    first = await room.join("ada")

    assert first.verdict is RoomVerdict.TICKET
    assert first.ticket is not None
    assert first.ticket.index == 0


async def test_places_that_were_drawn_stand_after_the_loss(room: DrawnRoom) -> None:
    await room.start()
    assert await room.draw()
    places = await room.places(USERS)
    await lose_everything(room, started=True)

    await room.rooms.recover(ITEM)

    assert await room.places(USERS) == places
    assert await room.draw()
    assert (await room.join("late")).place == 4 + NUMBERS_LEFT_OUT


async def test_lost_between_the_start_and_the_draw_everybody_is_drawn_all_the_same(
    room: DrawnRoom,
) -> None:
    await lose_everything(room, started=True)
    await room.rooms.recover(ITEM)
    await room.keep_rows()

    assert await room.draw()

    assert sorted(place or 0 for place in await room.places(USERS)) == [1, 2, 3]


async def test_what_was_served_does_not_fall_and_called_ones_stay_called(room: DrawnRoom) -> None:
    await room.start()
    assert await room.draw()
    await room.redis.hdel(RoomKeys.of(ITEM).room, "last_ms")
    await room.rooms.turn([ITEM])
    await room.keep_rows()
    assert [ticket.state for ticket in await room.tickets()] == ["called"] * 3
    await lose_everything(room, started=True)

    await RoomRecovery(room.database, room.redis)(ITEM)

    state = await room.rooms.state(ITEM)
    assert state is not None
    assert state.serving == 3
    for user in USERS:
        report = await room.rooms.look(ITEM, user)
        assert report.ticket is not None
        assert report.ticket.state in ("called", "overdue")


async def test_set_back_to_before_a_join_nobody_gets_a_number_twice(room: DrawnRoom) -> None:
    keys = [key async for key in room.redis.scan_iter()]
    for key in keys:
        await room.redis.copy(key, f"copy of {key}")
    await room.join("dan")
    await room.keep_rows()
    for key in keys:
        await room.redis.copy(f"copy of {key}", key, replace=True)
    # A server that has read an old copy is another one.
    await come_back_as_another(room.redis)
    assert (await room.rooms.look(ITEM, "dan")).ticket is None

    eve = await room.join("eve")

    dan = (await room.rooms.look(ITEM, "dan")).ticket
    assert eve.ticket is not None
    assert dan is not None
    assert (dan.index, eve.ticket.index) == (3, 4 + NUMBERS_LEFT_OUT)
