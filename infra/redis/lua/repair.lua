-- Begins the repair of an item, or gives it up: until it is done or given up nobody orders. Whoever
-- begins takes over from who began before and may be gone.
-- KEYS: item     ARGV: the repair's name, '1' to give it up

if redis.call('HEXISTS', KEYS[1], 'stock') == 0 then return end
if ARGV[2] == '1' then
  if redis.call('HGET', KEYS[1], 'repair') ~= ARGV[1] then return end
  redis.call('HDEL', KEYS[1], 'repair')
else
  keep_own_pause(KEYS[1])
  redis.call('HSET', KEYS[1], 'repair', ARGV[1])
end
weigh_pause(KEYS[1])
stock_changed(KEYS[1])
