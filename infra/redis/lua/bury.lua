-- Moves an entry that can never become an order to the dead ones, once.
-- KEYS: intents, dead, live streams
-- ARGV: group, entry id, error, then field and value of what the entry said

if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', 'entry_id', ARGV[2], 'error', ARGV[3], unpack(ARGV, 4))
redis.call('XDEL', KEYS[1], ARGV[2])
leave_if_empty(KEYS[1], KEYS[3])
return 1
