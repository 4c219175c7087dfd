-- Brings an item to a version of its sale: its terms, and how many units there are of it. Answers
-- 'written'; 'older' with the version that is here, or 'short' with the units that could be taken
-- back, where nothing was changed; 'unknown' for an item that is not here and is not to be made.
-- KEYS: item, reservations
-- ARGV: version, units in all or '', units left of an item that is made known or '',
--       '1' to take back only what is nobody's, the stop that is on record or '',
--       then field and value of each term

local known = redis.call(
  'HMGET', KEYS[1], 'stock', 'version', 'total', 'stopped', 'promised', 'called'
)
local stock = tonumber(known[1])

-- Of an item that an earlier release put up: what is left and what is taken.
local function counted_total()
  local units = stock
  for _, line in ipairs(redis.call('HVALS', KEYS[2])) do
    local state, quantity = parse_reservation(line)
    if state ~= 'released' then units = units + quantity end
  end
  return units
end

if not stock then
  if ARGV[3] == '' then return { 'unknown', 0 } end
  local total = ARGV[2] ~= '' and ARGV[2] or ARGV[3]
  redis.call('HSET', KEYS[1], 'stock', ARGV[3], 'held', '0', 'total', total)
else
  local version = tonumber(known[2]) or 0
  if version > tonumber(ARGV[1]) then return { 'older', version } end
  if ARGV[2] ~= '' then
    -- By the difference: however often it is said, units come and go once.
    local more = tonumber(ARGV[2]) - (tonumber(known[3]) or counted_total())
    local free = stock - (tonumber(known[5]) or 0) - (tonumber(known[6]) or 0)
    if ARGV[4] == '1' and more < 0 and free + more < 0 then return { 'short', math.max(free, 0) } end
    redis.call('HINCRBY', KEYS[1], 'stock', string.format('%d', more))
    redis.call('HSET', KEYS[1], 'total', ARGV[2])
  end
end

redis.call('HSET', KEYS[1], unpack(ARGV, 6))
redis.call('HSET', KEYS[1], 'sale_paused', redis.call('HGET', KEYS[1], 'paused'))
if known[4] and known[4] == ARGV[5] then redis.call('HDEL', KEYS[1], 'stopped') end
weigh_pause(KEYS[1])
stock_changed(KEYS[1])
return { 'written', 0 }
