-- Temporal has it: the entry goes, from the group's hands and from the stream at once; a stream
-- that is empty now is not live any more.
-- KEYS: intents, live streams
-- ARGV: group, entry id

redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
local deleted = redis.call('XDEL', KEYS[1], ARGV[2])
leave_if_empty(KEYS[1], KEYS[2])
return deleted
