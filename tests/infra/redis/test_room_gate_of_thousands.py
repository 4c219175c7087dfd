"""A room in which there is more to call than one turn may."""

from redis.asyncio import Redis

from infra.redis.keys import ItemKeys, RoomKeys
from infra.redis.room_gate import MOST_CALLED
from tests.support.gate import ITEM
from tests.support.rooms import Room

PEOPLE = 2 * MOST_CALLED + 50
FILL = """
local people, hex = tonumber(ARGV[1]), string.rep('a', 32)
for i = 1, people - 1 do
  local line = string.format('waiting 1 %d %d 1 0 1 - 0 %s %s', i, i, hex .. hex, hex)
  redis.call('HSET', KEYS[1], 'u' .. i, line)
  redis.call('HSET', KEYS[2], tostring(i), 'u' .. i)
end
redis.call('HSET', KEYS[3], 'next', people)
redis.call('HSET', KEYS[4], 'waiting', people, 'tickets', people)
"""


async def test_a_turn_calls_no_more_than_others_can_wait_for_and_the_next_goes_on(
    redis: Redis,
) -> None:
    room, keys = await Room.open(redis, stock=PEOPLE), RoomKeys.of(ITEM)
    await room.join("u0")
    filled = (keys.tickets, keys.numbers, keys.room, ItemKeys.of(ITEM).item)
    await redis.eval(FILL, len(filled), *filled, PEOPLE)

    turns = [await room.turn() for _ in range(4)]

    assert [len(called) for called in turns] == [MOST_CALLED, MOST_CALLED, 50, 0]
    in_order = [user for called in turns for user in called]
    assert in_order == [f"u{number}" for number in range(PEOPLE)]
    assert (await room.counts())["called"] == PEOPLE
