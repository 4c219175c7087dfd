"""What is seen of a place for very many is what its owner is told."""

from redis.asyncio import Redis

from domain.room import PlaceReport
from domain.sale import Admission
from infra.redis.room_places import RoomPlaces, version_of
from tests.support.gate import FAR_AHEAD_MS, ITEM, LONG_AGO_MS
from tests.support.rooms import Room, packed


async def told(redis: Redis, *users: str) -> list[PlaceReport]:
    """Each owner's report, which fits what was seen."""
    places = RoomPlaces(redis)
    seen = await places.seen([ITEM], [*users, "nobody"])
    reports = [report for report in await places.reports(seen) if report]
    assert [one.user_id for one in seen] == list(users)
    assert [one.version for one in seen] == [version_of(report) for report in reports]
    return reports


async def test_a_place_in_a_pool_is_another_once_lots_are_drawn(redis: Redis) -> None:
    room = await Room.open(redis, stock=1, admission=Admission.DRAW, starts_at_ms=FAR_AHEAD_MS - 1)
    await room.join("ada")
    (pooled,) = await told(redis, "ada")
    await room.change(starts_at_ms=LONG_AGO_MS)
    await room.rooms.fix_pool(ITEM)
    await room.join("bob")
    closed, late = await told(redis, "ada", "bob")
    await room.rooms.fix_places(ITEM, "ab", packed(0))
    drawn, _ = await told(redis, "ada", "bob")

    assert (pooled.place, closed.place, late.place, drawn.place) == (None, None, 2, 1)
    assert len({version_of(one) for one in (closed, drawn)}) == 2


async def test_the_end_of_a_room_is_nothing_new_to_who_has_left(queue: Room) -> None:
    for user_id in ("ada", "bob"):
        await queue.join(user_id)
    await queue.leave("bob")
    before = await told(queue.redis, "ada", "bob")
    await queue.change(ends_at_ms=LONG_AGO_MS)
    await queue.turn()
    after = await told(queue.redis, "ada", "bob")

    changed = [version_of(a) != version_of(b) for a, b in zip(before, after, strict=True)]
    assert changed == [True, False]
