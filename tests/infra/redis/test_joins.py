from redis.asyncio import Redis

from infra.redis.joins import Joins
from infra.redis.keys import RoomKeys
from tests.support.gate import ITEM, OTHER_ITEM

STREAM = RoomKeys.of(ITEM).joins


async def test_the_oldest_entries_come_until_they_are_forgotten(redis: Redis) -> None:
    joins = Joins(redis)
    for user in ("ada", "bob", "cyd"):
        await redis.xadd(STREAM, {"user": user})

    waiting = await joins.oldest([OTHER_ITEM, ITEM], 2)
    assert [entry.fields["user"] for entry in waiting.pop(ITEM)] == ["ada", "bob"]
    assert waiting == {}

    await joins.forget(ITEM, (await joins.oldest([ITEM], 2))[ITEM])
    assert [entry.fields["user"] for entry in (await joins.oldest([ITEM], 2))[ITEM]] == ["cyd"]


async def test_what_came_before_the_end_of_a_pool_is_waited_for_and_no_later(
    redis: Redis,
) -> None:
    joins = Joins(redis)
    assert await joins.newest(ITEM) is None
    await redis.xadd(STREAM, {"user": "in time"})
    last = await joins.newest(ITEM)
    assert last is not None
    await redis.xadd(STREAM, {"user": "late"})
    assert not await joins.are_forgotten(ITEM, last)

    await joins.forget(ITEM, (await joins.oldest([ITEM], 1))[ITEM])

    assert await joins.are_forgotten(ITEM, last)
    assert ITEM in await joins.oldest([ITEM], 1)
