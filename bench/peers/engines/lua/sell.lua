-- KEYS: reservations  ARGV: order
local line = redis.call('HGET', KEYS[1], ARGV[1])
if line and string.sub(line, 1, 5) == 'held ' then
  redis.call('HSET', KEYS[1], ARGV[1], 'sold ' .. string.sub(line, 6))
end
return 1
