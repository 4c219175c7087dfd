-- held -> sold. Answers the state the reservation is in afterwards; nil for an unknown item.
-- KEYS: item, buyers, reservations
-- ARGV: order id, user id, quantity

local order_id, user, quantity = ARGV[1], ARGV[2], tonumber(ARGV[3])
local line = redis.call('HGET', KEYS[3], order_id)

if line then
  local state, held, at, holder = parse_reservation(line)
  if state == 'held' then
    redis.call('HSET', KEYS[3], order_id, reservation_line('sold', held, at, holder))
    count_held(KEYS[1], -held)
    return 'sold'
  end
  return state
end

local stock = tonumber(redis.call('HGET', KEYS[1], 'stock'))
if not stock then return false end

-- Redis lost the reservation of an order that was paid: what is sold is taken from what is left.
local taken = math.max(math.min(stock, quantity), 0)
redis.call('HINCRBY', KEYS[1], 'stock', string.format('%d', -taken))
redis.call('HSET', KEYS[3], order_id, reservation_line('sold', quantity, now_ms(), user))
redis.call('HSET', KEYS[2], user, buyer_with(redis.call('HGET', KEYS[2], user), order_id, quantity))
return 'sold'
