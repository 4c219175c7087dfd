-- Makes an item known, or changes its terms. The stock is set the first time only: later it
-- belongs to the reservations.
-- KEYS: item     ARGV: stock, then field and value of each term

if redis.call('HSETNX', KEYS[1], 'stock', ARGV[1]) == 1 then
  redis.call('HSET', KEYS[1], 'held', '0')
end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
stock_changed(KEYS[1])
