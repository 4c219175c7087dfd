-- KEYS: item, buyers, reservations  ARGV: order
local line = redis.call('HGET', KEYS[3], ARGV[1])
if not line or string.sub(line, 1, 5) ~= 'held ' then return 0 end
local quantity, user = string.match(line, '^held (%d+) (.*)$')
redis.call('HINCRBY', KEYS[1], 'stock', quantity)
redis.call('HDEL', KEYS[2], user)
redis.call('HSET', KEYS[3], ARGV[1], 'released 0 ' .. user)
return 1
