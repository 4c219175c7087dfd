-- Fixes the places of a draw, once. Answers 1, or 0 where they were fixed before.
-- KEYS: those of the room     ARGV: digest, ranks and indexes of the pool

if not read_room() then return redis.error_reply('ERR this item is not known') end
if redis.call('SET', PLACES, ARGV[2], 'NX') == false then return 0 end
-- Also where the pool was closed anew after a loss: what was written down is the draw.
redis.call('HSET', ROOM, 'digest', ARGV[1], 'pool_size', whole(#ARGV[2] / 8))
return 1
