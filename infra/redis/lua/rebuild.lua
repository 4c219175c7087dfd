-- Puts staged buyers and reservations, the stock and the terms in the place of what is there.
-- KEYS: item, buyers, reservations, staged buyers, staged reservations
-- ARGV: stock, then field and value of each term

local function adopt(staged, live)
  redis.call('DEL', live)
  if redis.call('EXISTS', staged) == 1 then
    redis.call('PERSIST', staged)
    redis.call('RENAME', staged, live)
  end
end

adopt(KEYS[4], KEYS[2])
adopt(KEYS[5], KEYS[3])
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'stock', ARGV[1], unpack(ARGV, 2))
