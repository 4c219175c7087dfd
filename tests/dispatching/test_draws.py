import asyncio

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from dispatching.draws import NO_SEED, WRONG_SEED, Draws
from domain.draw import Drawn, leaves_in, places_in
from domain.room import PlaceReport
from infra.postgres.draw_seeds import DrawSeeds
from infra.postgres.engine import Database
from infra.postgres.rooms import Rooms
from infra.redis.keys import RoomKeys
from infra.redis.room_gate import RoomGate
from tests.support.drawing import DrawnRoom, break_seed
from tests.support.gate import ITEM

USERS = ["ada", "bob", "cyd", "dan", "eve"]


@pytest.fixture
async def room(redis: Redis, database: Database) -> DrawnRoom:
    return await DrawnRoom.open(redis, database)


async def drawn_of(room: DrawnRoom) -> Drawn | None:
    async with room.database.transaction() as connection:
        return await Rooms(connection).drawn(ITEM)


async def joined(room: DrawnRoom, users: list[str] = USERS) -> list[PlaceReport]:
    return [await room.join(user) for user in users]


async def test_lots_are_drawn_once_the_pool_has_ended_and_its_rows_stand(room: DrawnRoom) -> None:
    reports = await joined(room)
    await room.keep_rows()
    assert not await room.draw()
    await room.join("late to the rows")
    await room.start()
    draws = Draws(room.redis, room.database)
    assert not await draws.draw_if_due(ITEM)
    assert await room.place_of("ada") is None

    await room.keep_rows()
    assert await draws.draw_if_due(ITEM)

    drawn = await drawn_of(room)
    assert drawn is not None
    assert [leaf.hex() for leaf in leaves_in(drawn.leaves)][:5] == [
        one.ticket.leaf for one in reports if one.ticket
    ]
    assert await room.places([*USERS, "late to the rows"]) == places_in(drawn.places)
    assert (await room.join("behind the pool")).place == 7


async def test_whoever_draws_again_comes_to_what_stands(room: DrawnRoom) -> None:
    await joined(room)
    await room.start()
    await room.keep_rows()
    assert await room.draw()
    places = await room.places(USERS)

    # As after a death between the row and Redis.
    keys = RoomKeys.of(ITEM)
    await room.redis.delete(keys.places)
    await room.redis.hdel(keys.room, "digest")
    assert await room.draw()

    assert await room.places(USERS) == places
    assert sorted(place for place in places if place) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("step", ["fix_pool", "fix_places"])
async def test_killed_at_any_step_the_next_process_ends_the_draw(
    room: DrawnRoom, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await joined(room)
    await room.start()
    await room.keep_rows()

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched, pytest.raises(asyncio.CancelledError):
        patched.setattr(RoomGate, step, dies)
        await room.draw()

    assert await room.draw()
    drawn = await drawn_of(room)
    assert drawn is not None
    assert await room.places(USERS) == places_in(drawn.places)


async def test_two_processes_draw_the_same(room: DrawnRoom) -> None:
    await joined(room)
    await room.start()
    await room.keep_rows()

    assert all(await asyncio.gather(*(room.draw() for _ in range(3))))

    drawn = await drawn_of(room)
    assert drawn is not None
    assert await room.places(USERS) == places_in(drawn.places)


@pytest.mark.parametrize(
    ("how", "because"),
    [
        ("UPDATE draw_seeds SET seed = sha256(seed)", WRONG_SEED),
        ("DELETE FROM draw_seeds", NO_SEED),
    ],
)
async def test_a_seed_that_does_not_fit_makes_the_draw_void_and_calls_a_person(
    room: DrawnRoom, postgres_dsn: str, how: str, because: str
) -> None:
    await joined(room)
    await room.start()
    await room.keep_rows()
    await break_seed(postgres_dsn, how)

    assert not await room.draw()
    assert not await room.draw()

    assert await room.place_of("ada") is None
    async with room.database.transaction() as connection:
        kept = await Rooms(connection).get(ITEM)
        kinds = (await connection.scalars(text("SELECT kind FROM attentions"))).all()
    assert kept is not None
    assert kept.void_because == because
    assert kinds == ["draw_void"]


async def test_a_beacon_that_was_named_is_waited_for_and_mixed_in(
    redis: Redis, database: Database
) -> None:
    room = await DrawnRoom.open(redis, database, beacon_source="drand 4242")
    await joined(room)
    await room.start()
    await room.keep_rows()
    assert not await room.draw()

    async with database.transaction() as connection:
        await DrawSeeds(connection).set_beacon(ITEM.sale_id, "of the round")

    assert await room.draw()
    assert None not in await room.places(USERS)


async def test_who_is_known_to_redis_alone_takes_part(room: DrawnRoom) -> None:
    await joined(room)
    await room.keep_rows()
    async with room.database.transaction() as connection:
        # As a Postgres that was set back.
        await connection.execute(text("DELETE FROM room_tickets WHERE user_id = 'bob'"))
    await room.start()

    assert await room.draw()

    assert sorted(place or 0 for place in await room.places(USERS)) == [1, 2, 3, 4, 5]
