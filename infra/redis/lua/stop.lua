-- Stops an item until what stopped it is on record: no writer of terms lets it go on before. Answers
-- the stop that is kept, "<kind> <ms> <command>", or nil for an item that is not here.
-- KEYS: item     ARGV: kind, command

local known = redis.call('HMGET', KEYS[1], 'stock', 'stopped')
if not known[1] then return false end
local stopped = known[2]
-- Who closes means it for good; who pauses after him must not make it less.
if not stopped or ARGV[1] ~= 'pause' or string.sub(stopped, 1, 6) == 'pause ' then
  stopped = ARGV[1] .. ' ' .. now_ms() .. ' ' .. ARGV[2]
end
keep_own_pause(KEYS[1])
redis.call('HSET', KEYS[1], 'stopped', stopped)
weigh_pause(KEYS[1])
stock_changed(KEYS[1])
return stopped
