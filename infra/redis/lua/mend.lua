-- Writes reservations as they should be, each if it still is as it was seen; stock, buyers and the
-- units held follow by the difference, so nobody has to wait. Answers for each 'mended'; 'moved'
-- where it is another by now; 'short' where the units are not there; 'unknown' without the item.
-- KEYS: item, buyers, reservations
-- ARGV, three per order: order id, the line that was seen or '', the line that should be

local ITEM, BUYERS, RESERVATIONS = KEYS[1], KEYS[2], KEYS[3]
local FIELDS = 3

-- Units that count, those of them that are held, and whose they are.
local function units_of(line)
  if line == '' then return 0, 0, '' end
  local state, quantity, _, user = parse_reservation(line)
  if state == 'released' then return 0, 0, user end
  return quantity, state == 'held' and quantity or 0, user
end

local function write_buyer(user, line)
  if line then
    redis.call('HSET', BUYERS, user, line)
  else
    redis.call('HDEL', BUYERS, user)
  end
end

local function mend(order_id, seen, should)
  if (redis.call('HGET', RESERVATIONS, order_id) or '') ~= seen then return 'moved' end
  local stock = tonumber(redis.call('HGET', ITEM, 'stock'))
  if not stock then return 'unknown' end
  local before, held_before, old_user = units_of(seen)
  local after, held_after, user = units_of(should)
  local taken = after - before
  if taken > 0 and stock < taken then return 'short' end

  redis.call('HSET', RESERVATIONS, order_id, should)
  redis.call('HINCRBY', ITEM, 'stock', string.format('%d', -taken))
  count_held(ITEM, held_after - held_before)
  if before ~= after or old_user ~= user then
    if before > 0 then
      write_buyer(old_user, buyer_without(redis.call('HGET', BUYERS, old_user), order_id, before))
    end
    if after > 0 then
      write_buyer(user, buyer_with(redis.call('HGET', BUYERS, user), order_id, after))
    end
  end
  return 'mended'
end

local answers = {}
for first = 1, #ARGV, FIELDS do
  answers[#answers + 1] = mend(ARGV[first], ARGV[first + 1], ARGV[first + 2])
end
stock_changed(ITEM)
return answers
