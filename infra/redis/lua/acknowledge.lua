-- Temporal has it: the entry goes, from the group's hands and from the stream at once.
-- KEYS: intents
-- ARGV: group, entry id

redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
return redis.call('XDEL', KEYS[1], ARGV[2])
