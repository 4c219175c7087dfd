from domain.reservation import GateVerdict
from infra.redis.keys import LIVE_ROOMS, ItemKeys, RoomKeys
from infra.redis.room_counts import RoomCounts
from tests.support.gate import ITEM
from tests.support.rooms import Room


async def test_what_a_room_counts_wrongly_is_named_and_counted_anew(queue: Room) -> None:
    for user in ("ada", "bob", "cleo", "dora"):
        await queue.join(user)
    await queue.turn()
    await queue.enter("ada")
    counts, item, right = RoomCounts(queue.redis), ItemKeys.of(ITEM).item, await queue.counts()
    assert await counts.miscounts(ITEM) == {}
    await queue.redis.hset(item, mapping={"promised": 0, "waiting": 5})
    await queue.redis.delete(RoomKeys.of(ITEM).passes)

    wrong = await counts.miscounts(ITEM)
    await counts.count_anew(ITEM)

    assert wrong == {"waiting": (5, 1), "promised": (0, 1), "passes": (0, 1)}
    assert await counts.miscounts(ITEM) == {}
    assert await queue.counts() == right
    assert (await queue.order("ada")).verdict is GateVerdict.RESERVED


async def test_nothing_is_said_of_a_room_nobody_looks_after(queue: Room) -> None:
    await queue.redis.hset(ItemKeys.of(ITEM).item, "waiting", 5)
    await queue.redis.delete(LIVE_ROOMS)

    assert await RoomCounts(queue.redis).miscounts(ITEM) == {}
