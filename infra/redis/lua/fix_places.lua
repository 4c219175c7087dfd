-- Fixes the places of a draw, once. Answers 1, or 0 where they were fixed before.
-- KEYS: those of the room     ARGV: digest, ranks and indexes of the pool

local size = #ARGV[2] / 8
if not read_room() or (room.pool_size and room.pool_size ~= size) then
  return redis.error_reply('ERR these are not the places of this pool')
end
if redis.call('SET', PLACES, ARGV[2], 'NX') == false then return 0 end
redis.call('HSET', ROOM, 'digest', ARGV[1], 'pool_size', whole(size))
return 1
