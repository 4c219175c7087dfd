-- Holds what an order holds that stands in Postgres, whatever Redis has forgotten or granted to
-- others meanwhile. Answers how many of its units Redis had not left; nil for an unknown item.
-- KEYS: item, buyers, reservations
-- ARGV: order id, user id, quantity

local order_id, user, quantity = ARGV[1], ARGV[2], tonumber(ARGV[3])
local line = redis.call('HGET', KEYS[3], order_id)
if line and parse_reservation(line) ~= 'released' then return 0 end

local stock = tonumber(redis.call('HGET', KEYS[1], 'stock'))
if not stock then return false end

-- No limit is asked for: Postgres has counted the buyer's units when it wrote the order.
local taken = math.max(math.min(stock, quantity), 0)
redis.call('HINCRBY', KEYS[1], 'stock', string.format('%d', -taken))
count_held(KEYS[1], taken)
-- Of what others were granted nothing may come back: they would be sold it, and refused.
redis.call('HSET', KEYS[3], order_id, reservation_line('held', taken, now_ms(), user))
redis.call('HSET', KEYS[2], user, buyer_with(redis.call('HGET', KEYS[2], user), order_id, taken))
return quantity - taken
