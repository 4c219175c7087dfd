-- Moves an entry that can never become an order to the dead ones, once; both groups forget it.
-- Answers 0 if it is already gone because Temporal has it, or if another one is just placing it.
-- KEYS: intents, dead, live streams
-- ARGV: group that places, group that starts, who buries, entry id, error, then field and value of
--       what it said

local lying = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[4], ARGV[4], 1)
if not lying.err and lying[1] and lying[1][2] ~= ARGV[3] then return 0 end
-- A group may not be there yet, and then has nothing to forget.
redis.call('XACK', KEYS[1], ARGV[1], ARGV[4])
if redis.call('XDEL', KEYS[1], ARGV[4]) == 0 then return 0 end
redis.call('XACK', KEYS[1], ARGV[2], ARGV[4])
redis.call('XADD', KEYS[2], '*', 'entry_id', ARGV[4], 'error', ARGV[5], unpack(ARGV, 6))
leave_if_empty(KEYS[1], KEYS[3])
return 1
