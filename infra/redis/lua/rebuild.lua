-- Puts staged buyers and reservations, the stock and the terms in the place of what is there. Answers
-- 'written'; 'older' with the version that is here, or 'overtaken' by another repair, where nothing
-- was changed.
-- KEYS: item, buyers, reservations, staged buyers, staged reservations, intents, live streams
-- ARGV: the repair's name, the stop that is on record or '', version, units in all, stock,
--       units held, then field and value of each term

local known = redis.call('HMGET', KEYS[1], 'stock', 'version', 'repair', 'stopped')
if known[1] and known[3] ~= ARGV[1] then return { 'overtaken', 0 } end
local version = tonumber(known[2]) or 0
if known[1] and version > tonumber(ARGV[3]) then return { 'older', version } end

local function adopt(staged, live)
  redis.call('DEL', live)
  if redis.call('EXISTS', staged) == 1 then
    redis.call('PERSIST', staged)
    redis.call('RENAME', staged, live)
  end
end

adopt(KEYS[4], KEYS[2])
adopt(KEYS[5], KEYS[3])
-- What else the item's hash says is the room's, and stays.
redis.call(
  'HSET', KEYS[1], 'total', ARGV[4], 'stock', ARGV[5], 'held', ARGV[6], unpack(ARGV, 7)
)
redis.call('HSET', KEYS[1], 'sale_paused', redis.call('HGET', KEYS[1], 'paused'))
redis.call('HDEL', KEYS[1], 'repair')
if known[4] and known[4] == ARGV[2] then redis.call('HDEL', KEYS[1], 'stopped') end
weigh_pause(KEYS[1])
-- What waits to be started is read again, whatever was lost.
if redis.call('XLEN', KEYS[6]) > 0 then redis.call('SADD', KEYS[7], KEYS[6]) end
stock_changed(KEYS[1])
return { 'written', 0 }
