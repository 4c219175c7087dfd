-- Answers N requests for one item: N lines "<verdict> <detail>".
-- KEYS: item, buyers, reservations, requests, intents, live streams, bell
-- ARGV, five per request: order id, user id, quantity, idempotency key,
--                         flags ('a' announce the intent, 'l' late: skip window and pause,
--                         'k' known: answer as usual, and hold nothing for what is new)
-- Everything is read before anything is written, so no error can leave half a reservation.

local ITEM, BUYERS, RESERVATIONS, REQUESTS, INTENTS = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local LIVE, BELL = KEYS[6], KEYS[7]
local FIELDS = 5
-- Each key of a buyer is one line.
local ESCAPED = { ['%'] = '%25', ['\n'] = '%0A' }

local now = now_ms()
local now_number = tonumber(now)
local orders, order_ids, users, request_names = {}, {}, {}, {}

for first = 1, #ARGV, FIELDS do
  local order = {
    id = ARGV[first],
    user = ARGV[first + 1],
    quantity = tonumber(ARGV[first + 2]),
    announce = string.find(ARGV[first + 4], 'a', 1, true),
    late = string.find(ARGV[first + 4], 'l', 1, true),
    known_only = string.find(ARGV[first + 4], 'k', 1, true),
  }
  if ARGV[first + 3] ~= '' then
    order.key = string.gsub(ARGV[first + 3], '[%%\n]', ESCAPED)
    -- One field per buyer. The other is how the release before this one kept each key; a user's
    -- name never looks like it, for it begins with a digit.
    order.request = 'u' .. order.user
    order.old_request = #order.user .. ':' .. order.user .. ARGV[first + 3]
    request_names[#request_names + 1] = order.request
    request_names[#request_names + 1] = order.old_request
  end
  orders[#orders + 1] = order
  order_ids[#order_ids + 1] = order.id
  users[#users + 1] = order.user
end

local function look_up(key, fields)
  local found = {}
  if #fields == 0 then return found end
  local values = redis.call('HMGET', key, unpack(fields))
  for i, field in ipairs(fields) do found[field] = values[i] end
  return found
end

local terms =
  redis.call('HMGET', ITEM, 'stock', 'starts_at_ms', 'ends_at_ms', 'per_user_limit', 'paused')
local stock, starts_at, ends_at, limit =
  tonumber(terms[1]), tonumber(terms[2]), tonumber(terms[3]), tonumber(terms[4])
local paused = terms[5] == '1'
local reservations = look_up(RESERVATIONS, order_ids)
local requests = look_up(REQUESTS, request_names)
local buyers = look_up(BUYERS, users)

local taken = 0
local new_reservations, changed_requests, changed_buyers, announced = {}, {}, {}, {}

local function hold(order)
  local line = reservation_line('held', order.quantity, now, order.user)
  taken = taken + order.quantity
  reservations[order.id] = line
  new_reservations[#new_reservations + 1] = order.id
  new_reservations[#new_reservations + 1] = line
  buyers[order.user] = buyer_with(buyers[order.user], order.id, order.quantity)
  changed_buyers[#changed_buyers + 1] = order.user
  if order.request then
    local answer = string.format('%d ', order.quantity) .. order.id .. ' ' .. order.key
    requests[order.request] = with_newest(requests[order.request], answer, '\n')
    changed_requests[#changed_requests + 1] = order.request
  end
  if order.announce then announced[#announced + 1] = order end
end

-- Quantity and order id under which the buyer said this key before.
local function earlier_with(order)
  if not order.key then return end
  for line in string.gmatch(requests[order.request] or '', '[^\n]+') do
    local quantity, order_id, key = string.match(line, '^(%d+) (%S+) (.*)$')
    if key == order.key then return quantity, order_id end
  end
  local old = requests[order.old_request]
  if old then return string.match(old, '^(%d+) (.*)$') end
end

local function repeated(order)
  local known = reservations[order.id]
  if known then
    local state = parse_reservation(known)
    return (state == 'released' and 'released ' or 'reserved ') .. order.id
  end
  local quantity, order_id = earlier_with(order)
  if quantity then
    return tonumber(quantity) == order.quantity and 'reserved ' .. order_id or 'idempotency_mismatch'
  end
end

local function refused(order)
  if not (stock and starts_at and ends_at and limit) then return 'not_found' end
  if not order.late then
    if now_number < starts_at then return 'not_started ' .. terms[2] end
    if now_number >= ends_at then return 'ended ' .. terms[3] end
    if paused then return 'paused' end
  end
  local buyer = buyers[order.user]
  if parse_buyer(buyer) + order.quantity > limit then return 'limit_reached ' .. last_order(buyer) end
  if stock - taken < order.quantity then return 'sold_out' end
  if order.known_only then return 'overloaded' end
end

local answers = {}
for i, order in ipairs(orders) do
  answers[i] = repeated(order) or refused(order)
  if not answers[i] then
    hold(order)
    answers[i] = 'reserved ' .. order.id
  end
end

if #new_reservations > 0 then
  local lines = {}
  for _, user in ipairs(changed_buyers) do
    lines[#lines + 1] = user
    lines[#lines + 1] = buyers[user]
  end
  redis.call('HINCRBY', ITEM, 'stock', -taken)
  redis.call('HSET', RESERVATIONS, unpack(new_reservations))
  redis.call('HSET', BUYERS, unpack(lines))
  if #changed_requests > 0 then
    local answers_kept = {}
    for _, name in ipairs(changed_requests) do
      answers_kept[#answers_kept + 1] = name
      answers_kept[#answers_kept + 1] = requests[name]
    end
    redis.call('HSET', REQUESTS, unpack(answers_kept))
  end
  for _, order in ipairs(announced) do
    redis.call('XADD', INTENTS, '*', 'order_id', order.id, 'user_id', order.user,
      'quantity', order.quantity, 'accepted_at_ms', now)
  end
  if #announced > 0 then
    redis.call('SADD', LIVE, INTENTS)
    redis.call('XADD', BELL, 'MAXLEN', 1, '*', 'at', now)
  end
end

return answers
