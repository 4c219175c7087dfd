-- Puts staged buyers and reservations, the stock and the terms in the place of what is there.
-- KEYS: item, buyers, reservations, staged buyers, staged reservations, intents, live streams
-- ARGV: stock, units held, then field and value of each term

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
redis.call('HSET', KEYS[1], 'stock', ARGV[1], 'held', ARGV[2], unpack(ARGV, 3))
-- What waits to be started is read again, whatever was lost.
if redis.call('XLEN', KEYS[6]) > 0 then redis.call('SADD', KEYS[7], KEYS[6]) end
stock_changed(KEYS[1])
