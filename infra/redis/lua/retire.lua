-- Forgets an item that is over, once nothing waits in its streams. Answers 1 if it is gone.
-- KEYS: item, buyers, reservations, requests, past, intents, dead, live streams, directory, joins,
--       live rooms, and what else a room has
-- ARGV: the directory's field, and what it says of this item

local intents, dead = KEYS[6], KEYS[7]
local ends_at = tonumber(redis.call('HGET', KEYS[1], 'ends_at_ms'))
if ends_at and ends_at > tonumber(now_ms()) then return 0 end
local waiting = redis.call('XLEN', intents) + redis.call('XLEN', dead) + redis.call('XLEN', KEYS[10])
if waiting > 0 then return 0 end

-- Not DEL: a large hash would keep everybody waiting while it is taken apart.
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], intents, dead)
redis.call('UNLINK', KEYS[10], unpack(KEYS, 12))
redis.call('SREM', KEYS[11], ARGV[2])
redis.call('SREM', KEYS[8], intents)
if redis.call('HGET', KEYS[9], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[9], ARGV[1]) end
stock_changed(KEYS[1])
return 1
