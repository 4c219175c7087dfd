"""A room in which one turn calls thousands."""

from redis.asyncio import Redis

from infra.redis.keys import ItemKeys, RoomKeys
from tests.support.gate import ITEM
from tests.support.rooms import Room

# More than Lua takes off its stack at once.
PEOPLE = 8_100
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


async def test_a_turn_tells_of_all_it_called(redis: Redis) -> None:
    room, keys = await Room.open(redis, stock=PEOPLE), RoomKeys.of(ITEM)
    await room.join("u0")
    filled = (keys.tickets, keys.numbers, keys.room, ItemKeys.of(ITEM).item)
    await redis.eval(FILL, len(filled), *filled, PEOPLE)

    called = await room.turn()

    assert called == [f"u{number}" for number in range(PEOPLE)]
    assert (await room.counts())["called"] == PEOPLE
