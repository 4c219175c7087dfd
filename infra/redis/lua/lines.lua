-- Shared by the other scripts: how a reservation and a buyer are written down.
-- reservation: "<state> <quantity> <reserved at, ms> <user id>"    (free text stands last)
-- buyer:       "<units> <order id> <order id> ..."                 (newest last)
-- requests:    a line "<quantity> <order id> <key>" for each of a buyer's keys (newest last)
-- past:        "<order id> <order id> ..." of a buyer's released orders        (newest last)

local ORDERS_KEPT_CHARACTERS = 1024
-- Who orders and cancels in a circle would fill Redis: of each buyer and item these are kept.
local KEPT_PER_BUYER = 64
-- A room that had no turn for so long was out of reach: for its buyers as well.
local OUT_OF_REACH_MS = 5000

local function now_ms()
  local time = redis.call('TIME')
  return string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
end

local function reservation_line(state, quantity, at, user)
  return string.format('%s %d %s ', state, quantity, at) .. user
end

local function parse_reservation(line)
  local state, quantity, at, user = string.match(line, '^(%a+) (%d+) (%d+) (.*)$')
  return state, tonumber(quantity), at, user
end

local function parse_buyer(line)
  if not line then return 0, '' end
  local units, orders = string.match(line, '^(%d+) ?(.*)$')
  return tonumber(units), orders
end

-- The list only names an order to a buyer at the limit, so a very long one loses its oldest.
local function buyer_with(line, order_id, quantity)
  local units, orders = parse_buyer(line)
  if #orders > ORDERS_KEPT_CHARACTERS then orders = string.match(orders, ' (.*)$') end
  if orders ~= '' then orders = orders .. ' ' end
  return string.format('%d ', units + quantity) .. orders .. order_id
end

local function buyer_without(line, order_id, quantity)
  local units, orders = parse_buyer(line)
  if units <= quantity then return nil end
  local kept = {}
  for order in string.gmatch(orders, '%S+') do
    if order ~= order_id then kept[#kept + 1] = order end
  end
  return string.format('%d ', units - quantity) .. table.concat(kept, ' ')
end

local function last_order(line)
  local _, orders = parse_buyer(line)
  return string.match(orders, '(%S+)$') or ''
end

-- The text with one more entry at its end; and the one that fell off its front, if any did.
local function with_newest(text, entry, separator)
  text = text and text ~= '' and (text .. separator .. entry) or entry
  local _, separators = string.gsub(text, separator, '')
  if separators < KEPT_PER_BUYER then return text end
  local oldest, rest = string.match(text, '^([^' .. separator .. ']*)' .. separator .. '(.*)$')
  return rest, oldest
end

-- Read and struck off in one script, or an entry that comes in between would be read by nobody.
local function leave_if_empty(stream, live)
  if redis.call('XLEN', stream) == 0 then redis.call('SREM', live, stream) end
end

-- For every node that answers "sold out" from memory (`sold_out_lease.py`). Told in the same step,
-- and never a reason to fail: an unheard word costs at most the 300 ms such a memory is good for.
local function stock_changed(item)
  redis.pcall('PUBLISH', 'seckill:stock-changed', item)
end

-- Nobody may order while the sale is paused, while a stop of it is not on record, or while the item
-- is being repaired: each is said apart, and `paused` is what comes of them.
local function weigh_pause(item)
  local said = redis.call('HMGET', item, 'sale_paused', 'stopped', 'repair')
  local is_paused = said[1] == '1' or said[2] or said[3]
  redis.call('HSET', item, 'paused', is_paused and '1' or '0')
end

-- Of an item that an earlier release wrote the sale's own word is what stands there.
local function keep_own_pause(item)
  redis.call('HSETNX', item, 'sale_paused', redis.call('HGET', item, 'paused') or '0')
end

-- Only where it is counted: an item that an earlier release put up is not.
local function count_held(item, units)
  if redis.call('HEXISTS', item, 'held') == 1 then
    redis.call('HINCRBY', item, 'held', string.format('%d', units))
  end
end

-- Which one this is: another after each start, and after a failover.
local function server()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
end
