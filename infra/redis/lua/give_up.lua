-- Moves an entry that can never become an order to the dead ones, once; the other group forgets it.
-- Answers 0 if it is not pending any more, or already gone because Temporal has it.
-- KEYS: intents, dead, live streams
-- ARGV: group that buries, other group, entry id, error, then field and value of what it said

if redis.call('XACK', KEYS[1], ARGV[1], ARGV[3]) == 0 then return 0 end
if redis.call('XDEL', KEYS[1], ARGV[3]) == 0 then return 0 end
-- The other group may not be there yet, and then has nothing to forget.
redis.call('XACK', KEYS[1], ARGV[2], ARGV[3])
redis.call('XADD', KEYS[2], '*', 'entry_id', ARGV[3], 'error', ARGV[4], unpack(ARGV, 5))
if redis.call('XLEN', KEYS[1]) == 0 then redis.call('SREM', KEYS[3], KEYS[1]) end
return 1
