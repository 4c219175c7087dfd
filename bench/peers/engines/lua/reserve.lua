-- KEYS: item, buyers, reservations, stream   ARGV: order, user, quantity
local terms = redis.call('HMGET', KEYS[1], 'stock', 'starts', 'ends')
local stock = tonumber(terms[1])
if not stock then return 'not_found' end
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
if ms < tonumber(terms[2]) then return 'not_started' end
if ms >= tonumber(terms[3]) then return 'ended' end
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then return 'limit_reached' end
if stock < tonumber(ARGV[3]) then return 'sold_out' end
redis.call('HINCRBY', KEYS[1], 'stock', -ARGV[3])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], 'held ' .. ARGV[3] .. ' ' .. ARGV[2])
redis.call('XADD', KEYS[4], '*', 'order_id', ARGV[1], 'user_id', ARGV[2], 'quantity', ARGV[3], 'item', KEYS[1])
return 'reserved'
