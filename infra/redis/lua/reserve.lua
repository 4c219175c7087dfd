-- Answers N requests for one item: N lines "<verdict> <detail>".
-- KEYS: item, buyers, reservations, requests, intents, live streams, bell; where one of the orders
--       has a pass also: passes, tickets, room, joins
-- ARGV, five per request: order id, user id, quantity, idempotency key,
--                         flags ('a' announce the intent, 'l' late: skip window and pause,
--                         'k' known: answer as usual, and hold nothing for what is new,
--                         'p2' with a pass for two units)
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
    pass_units = KEYS[8] and tonumber(string.match(ARGV[first + 4], 'p(%d+)')),
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

local terms = redis.call(
  'HMGET', ITEM, 'stock', 'starts_at_ms', 'ends_at_ms', 'per_user_limit', 'paused',
  'requires_entry_token', 'held', 'tickets'
)
local stock, starts_at, ends_at, limit =
  tonumber(terms[1]), tonumber(terms[2]), tonumber(terms[3]), tonumber(terms[4])
local paused, needs_pass = terms[5] == '1', terms[6] == '1'
local held, in_room = tonumber(terms[7]), terms[8]
local reservations = look_up(RESERVATIONS, order_ids)
local requests = look_up(REQUESTS, request_names)
local buyers = look_up(BUYERS, users)

local taken = 0
-- What is only there where the item has a room: nobody else pays for it.
local room
local new_reservations, changed_requests, changed_buyers, announced = {}, {}, {}, {}

if in_room then
  local PASSES, TICKETS, ROOM, JOINS = KEYS[8], KEYS[9], KEYS[10], KEYS[11]
  local counts =
    redis.call('HMGET', ITEM, 'promised', 'called', 'waiting', 'for_clicks', 'room_paused')
  local promised, called, waiting, for_clicks =
    tonumber(counts[1]) or 0, tonumber(counts[2]) or 0, tonumber(counts[3]) or 0,
    tonumber(counts[4]) or 0
  local fulfilled, clicked, used_passes = 0, 0, {}
  room = {}

  local function pass_name(order)
    return string.format('%s %d ', order.id, order.pass_units) .. order.user
  end

  function room.has_pass(order)
    local expires = tonumber(redis.call('ZSCORE', PASSES, pass_name(order)))
    if not expires or expires > now_number then return expires end
    -- After a pause or an outage each pass gets a full window, whoever comes before that is done.
    if counts[5] == '1' then return true end
    local opened = redis.call('HMGET', ROOM, 'run_id', 'last_ms')
    local last_turn = tonumber(opened[2]) or now_number
    return opened[1] ~= server() or now_number - last_turn > OUT_OF_REACH_MS
  end

  -- The pass of an order that Redis has forgotten still names it; any other is none.
  function room.without_pass(order)
    local line = redis.call('HGET', TICKETS, order.user)
    local state, order_id = string.match(line or '', '^(%a+) %d+ %d+ %d+ %d+ %d+ %d+ (%S+)')
    if state == 'used' and order_id == order.id then return 'released ' .. order.id end
    return 'entry_token_invalid'
  end

  -- Units nobody was promised; those who wait come before who only clicks, but for what was left
  -- to the clicks.
  function room.free_for(order)
    if order.pass_units then return stock - taken end
    local free = stock - taken - (promised - fulfilled) - called
    if order.late then return free end
    return math.max(free - waiting, math.min(for_clicks - clicked, free))
  end

  function room.give_to(order)
    if order.pass_units then
      used_passes[#used_passes + 1] = order
      fulfilled = fulfilled + order.pass_units
    elseif not order.late then
      clicked = math.min(clicked + order.quantity, for_clicks)
    end
  end

  -- The ticket becomes an order, in the step that holds its units.
  local function use_pass(order)
    redis.call('ZREM', PASSES, pass_name(order))
    local line = redis.call('HGET', TICKETS, order.user)
    local version, rest = string.match(line or '', '^%a+ (%d+) (.*)$')
    if not version then return end
    line = string.format('used %d ', version + 1) .. rest
    redis.call('HSET', TICKETS, order.user, line)
    redis.call('XADD', JOINS, '*', 'user', order.user, 'what', 'used', 'at_ms', now, 'ticket', line)
  end

  function room.write_down()
    if clicked > 0 then redis.call('HINCRBY', ITEM, 'for_clicks', -clicked) end
    if fulfilled == 0 then return end
    redis.call('HINCRBY', ITEM, 'promised', -fulfilled)
    redis.call('HSET', ROOM, 'lapsed_in_row', '0')
    for _, order in ipairs(used_passes) do use_pass(order) end
  end
end

local function hold(order)
  if room then room.give_to(order) end
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
  local quantity, order_id = earlier_with(order)
  -- A pass says which order it is, and the key says another.
  if order.pass_units and quantity and order_id ~= order.id then return 'idempotency_mismatch' end
  if known then
    local state, units, _, holder = parse_reservation(known)
    -- Of what was released for good nobody knows any more how much it was.
    local is_other = units ~= 0 and units ~= order.quantity or holder ~= order.user
    if order.announce and is_other and holder ~= '' then return 'idempotency_mismatch' end
    return (state == 'released' and 'released ' or 'reserved ') .. order.id
  end
  if quantity then
    return tonumber(quantity) == order.quantity and 'reserved ' .. order_id or 'idempotency_mismatch'
  end
end

local function refused(order)
  if not (stock and starts_at and ends_at and limit) then return 'not_found' end
  if not order.late then
    -- A sale that was closed before its start does not start.
    if now_number >= ends_at then return 'ended ' .. terms[3] end
    if now_number < starts_at then return 'not_started ' .. terms[2] end
    if paused then return 'paused' end
  end
  if order.pass_units then
    if not room then return 'entry_token_invalid' end
    if not room.has_pass(order) then return room.without_pass(order) end
  end
  local buyer = buyers[order.user]
  if parse_buyer(buyer) + order.quantity > limit then return 'limit_reached ' .. last_order(buyer) end
  if order.pass_units then
    if order.quantity > order.pass_units then return 'entry_token_invalid' end
  elseif needs_pass and not order.late then
    return 'not_your_turn'
  end
  local free = room and room.free_for(order) or stock - taken
  if free < order.quantity then return in_room and 'sold_out ' .. in_room or 'sold_out' end
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
  if held then
    -- In one step: two would cost each click of an open sale something.
    local left, now_held = string.format('%d', stock - taken), string.format('%d', held + taken)
    redis.call('HSET', ITEM, 'stock', left, 'held', now_held)
  else
    redis.call('HINCRBY', ITEM, 'stock', -taken)
  end
  if room then room.write_down() end
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
