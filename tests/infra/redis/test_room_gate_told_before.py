"""Who asks again is told the same, a way shorter: nothing but the moment may differ."""

from redis.asyncio import Redis

from domain.room import TicketState
from domain.sale import Admission
from infra.redis.keys import RoomKeys
from infra.redis.room_gate import room_script_keys
from infra.redis.scripts import _register
from tests.support.gate import FAR_AHEAD_MS, ITEM, LONG_AGO_MS
from tests.support.rooms import Room, packed


async def _compare(room: Room, *users: str) -> list[list[str]]:
    """What each is told, the long way and the short one."""
    long_way = _register(room.redis, "look_room", "tickets")
    told = []
    for user in users:
        keys = room_script_keys(ITEM)
        await room.redis.script_flush()
        long = await long_way(keys, [user])
        short = await _register(room.redis, "look_room", "told_before", "tickets")(keys, [user])
        again = await room.join(user)
        assert long[:-1] == short[:-1], user
        assert again.ticket == (await room.rooms.look(ITEM, user)).ticket
        told.append(short)
    return told


async def test_whatever_became_of_a_ticket_the_short_way_says_the_same(redis: Redis) -> None:
    room = await Room.open(redis, stock=3)
    users = ["called", "fetched", "overdue", "lapsed", "waiting"]
    for user in users:
        await room.join(user)
    await room.turn()
    await room.enter("fetched")
    await redis.zadd(RoomKeys.of(ITEM).calls, {"overdue": LONG_AGO_MS})
    await room.turn()
    for _ in range(2):
        await room.enter("lapsed")
        await room.let_passes_end()
        await room.turn()

    told = await _compare(room, *users)

    states = {TicketState(line[2].split()[0]) for line in told}
    assert len(states) >= 3, states


async def test_places_of_a_draw_are_told_so_too_and_its_start_ends_the_pool(redis: Redis) -> None:
    room = await Room.open(
        redis, stock=1, admission=Admission.DRAW, starts_at_ms=FAR_AHEAD_MS,
        ends_at_ms=FAR_AHEAD_MS + 1,
    )  # fmt: skip
    await room.join("ada")
    await room.join("bob")
    assert [line[3] for line in await _compare(room, "ada", "bob")] == ["0", "0"]

    await room.change(starts_at_ms=LONG_AGO_MS)
    assert (await room.join("ada")).room.pool_size == 2, "whoever comes first ends it"
    await room.rooms.fix_places(ITEM, "d1", packed(1, 0))
    await room.join("cyd")

    assert [line[3] for line in await _compare(room, "ada", "bob", "cyd")] == ["2", "1", "3"]


async def test_of_an_item_that_redis_lost_nobody_has_a_place(redis: Redis) -> None:
    room = await Room.open(redis, stock=1)
    await room.join("ada")
    await redis.hdel(room_script_keys(ITEM)[0], "stock")

    assert (await room.join("ada")).verdict == "not_found"
