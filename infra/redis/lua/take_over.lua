-- Gives the entries of a consumer that is gone to another one. Looked at and taken in one script,
-- so that two who see him gone do not both take them.
-- Answers id, deliveries, and fields with their values, for each.
-- KEYS: intents, the key that is there while the consumer lives
-- ARGV: group, consumer, who takes over, how many at most

if redis.call('EXISTS', KEYS[2]) == 1 then return {} end

local taken = {}
for _, pending in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[4], ARGV[2])) do
  local id, deliveries = pending[1], pending[4]
  -- The count is that of failures, and dying is none of the entry's.
  local claimed = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, id, 'RETRYCOUNT', deliveries)
  if claimed[1] then
    taken[#taken + 1] = {id, deliveries, claimed[1][2]}
  else
    -- The other group was done with it and has deleted it.
    redis.call('XACK', KEYS[1], ARGV[1], id)
  end
end
return taken
