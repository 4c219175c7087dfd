-- released -> held again, for money that came late. Answers the state the reservation is in
-- afterwards; nil for an unknown item.
-- KEYS: item, buyers, reservations
-- ARGV: order id, user id, quantity

local order_id, user, quantity = ARGV[1], ARGV[2], tonumber(ARGV[3])
local line = redis.call('HGET', KEYS[3], order_id)
local terms = redis.call('HMGET', KEYS[1], 'stock', 'per_user_limit', 'promised', 'called')
local stock, limit = tonumber(terms[1]), tonumber(terms[2])
if not (stock and limit) then return false end

if line then
  local state, released = parse_reservation(line)
  if state ~= 'released' or released == 0 then return state end
end

local buyer = redis.call('HGET', KEYS[2], user)
-- What somebody was promised is not given to who comes too late.
local free = stock - (tonumber(terms[3]) or 0) - (tonumber(terms[4]) or 0)
if free < quantity or parse_buyer(buyer) + quantity > limit then return 'released' end

redis.call('HINCRBY', KEYS[1], 'stock', string.format('%d', -quantity))
count_held(KEYS[1], quantity)
redis.call('HSET', KEYS[3], order_id, reservation_line('held', quantity, now_ms(), user))
redis.call('HSET', KEYS[2], user, buyer_with(buyer, order_id, quantity))
stock_changed(KEYS[1])
return 'held'
