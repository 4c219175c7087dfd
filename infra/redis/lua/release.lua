-- Gives a reservation back. Answers the state it is in afterwards, or nil if it was unknown.
-- KEYS: item, buyers, reservations, past
-- ARGV: order id, '1' to return the stock, '1' to release a sold one too, '1' to do it for good

local order_id, return_stock, even_sold = ARGV[1], ARGV[2] == '1', ARGV[3] == '1'
local for_good = ARGV[4] == '1'
local line = redis.call('HGET', KEYS[3], order_id)

-- An item that is over has left Redis: a mark would bring one of its keys back, for ever.
if redis.call('HEXISTS', KEYS[1], 'stock') == 0 then return false end

-- A tombstone: a reserve of this order that is still on its way must not hold stock any more.
if not line then
  redis.call('HSET', KEYS[3], order_id, reservation_line('released', 0, now_ms(), ''))
  return false
end

local state, quantity, at, user = parse_reservation(line)
if state == 'sold' and not even_sold then return state end
-- A released line of no units is one that nothing can reclaim.
local units_left = for_good and 0 or quantity
if state == 'released' then
  if for_good then
    redis.call('HSET', KEYS[3], order_id, reservation_line('released', units_left, at, user))
  end
  return state
end

local buyer = buyer_without(redis.call('HGET', KEYS[2], user), order_id, quantity)
redis.call('HSET', KEYS[3], order_id, reservation_line('released', units_left, at, user))
if buyer then
  redis.call('HSET', KEYS[2], user, buyer)
else
  redis.call('HDEL', KEYS[2], user)
end
if state == 'held' then count_held(KEYS[1], -quantity) end
local past, oldest = with_newest(redis.call('HGET', KEYS[4], user), order_id, ' ')
redis.call('HSET', KEYS[4], user, past)
if oldest then
  local forgotten = redis.call('HGET', KEYS[3], oldest)
  -- It may have been reclaimed since.
  if forgotten and parse_reservation(forgotten) == 'released' then
    redis.call('HDEL', KEYS[3], oldest)
  end
end
if return_stock then redis.call('HINCRBY', KEYS[1], 'stock', quantity) end
stock_changed(KEYS[1])
return 'released'
