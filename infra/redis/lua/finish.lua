-- A group is done with entries. The last group that needs them deletes them as well, and a stream
-- that is empty then is not live any more.
-- KEYS: intents, live streams, how many were started ever
-- ARGV: group, '1' to delete, entry ids

redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 3))
if ARGV[2] == '1' then
  local deleted = redis.call('XDEL', KEYS[1], unpack(ARGV, 3))
  redis.call('INCRBY', KEYS[3], deleted)
  leave_if_empty(KEYS[1], KEYS[2])
end
