-- A group is done with entries. The last group that needs them deletes them as well, and a stream
-- that is empty then is not live any more.
-- KEYS: intents, live streams
-- ARGV: group, '1' to delete, entry ids

redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 3))
if ARGV[2] == '1' then
  redis.call('XDEL', KEYS[1], unpack(ARGV, 3))
  if redis.call('XLEN', KEYS[1]) == 0 then redis.call('SREM', KEYS[2], KEYS[1]) end
end
