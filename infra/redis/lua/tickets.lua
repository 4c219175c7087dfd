-- Shared by the scripts of a room: how a ticket is written down, counted and told.
-- KEYS: item, room, tickets, numbers, passes, calls, places, joins, reservations, buyers, intents,
--       live rooms
-- ticket:  "<state> <version> <index> <number> <units> <lapses> <at, ms> <order id or -> <expires, ms>
--          <leaf> <nonce>", by user
-- numbers: the user who has, or once had, this number
-- passes:  "<order id> <units> <user>" by the moment of its end
-- calls:   users who were called and have not fetched their pass yet, by the moment of the call
-- places:  of a draw, of four bytes each: the rank of each index, then the index of each rank

local ITEM, ROOM, TICKETS, NUMBERS, PASSES, CALLS = unpack(KEYS, 1, 6)
local PLACES, JOINS, RESERVATIONS, BUYERS, INTENTS, ROOMS = unpack(KEYS, 7, 12)
-- In a row, after which the next unit goes to whoever clicks.
local LAPSES_IN_A_ROW = 3
-- What a ticket in each state takes away from those who click.
local COUNTED = { waiting = 'waiting', called = 'called', fetched = 'promised' }

local now_text = now_ms()
local now = tonumber(now_text)

local function whole(number)
  return string.format('%d', number)
end

local terms, room = {}, {}

-- Another server than the one a room was last opened on may have lost a part of it. Asking who one
-- is takes longer than all else here, and no server comes back in so short a time.
local SURE_MS = 100

local function is_open_here()
  if not room.next then return false end
  local sure_ms = tonumber(redis.call('HGET', ROOM, 'sure_ms'))
  if sure_ms and now >= sure_ms and now - sure_ms < SURE_MS then return true end
  if redis.call('HGET', ROOM, 'run_id') ~= server() then return false end
  redis.call('HSET', ROOM, 'sure_ms', now_text)
  return true
end

-- False for an item Redis does not know: nothing may be written for it.
local function read_room()
  local names = {
    'stock', 'starts_at_ms', 'ends_at_ms', 'per_user_limit', 'paused', 'requires_entry_token',
    'drawn', 'room_opens_at_ms', 'pace_per_minute', 'pass_window_seconds', 'held', 'promised',
    'called', 'waiting', 'for_clicks', 'room_paused',
  }
  local values = redis.call('HMGET', ITEM, unpack(names))
  for i, name in ipairs(names) do terms[name] = tonumber(values[i]) end
  for _, name in ipairs({ 'promised', 'called', 'waiting', 'for_clicks' }) do
    terms[name] = terms[name] or 0
  end
  names = {
    'next', 'serving', 'pool_size', 'last_ms', 'over', 'budget', 'rate_at', 'rate_serving',
    'earlier_at', 'earlier_serving', 'clicks_until',
  }
  values = redis.call('HMGET', ROOM, unpack(names))
  for i, name in ipairs(names) do room[name] = tonumber(values[i]) end
  room.serving = room.serving or 0
  if not (terms.stock and terms.starts_at_ms and terms.ends_at_ms) then return false end
  -- Of a draw's pool the start is the end, whoever comes first after it.
  local ends_now = terms.drawn == 1 and room.next and not room.pool_size and now >= terms.starts_at_ms
  -- Not of a room that is just being put back: its last tickets would stay outside.
  if ends_now and is_open_here() then
    room.pool_size = room.next
    redis.call('HSETNX', ROOM, 'pool_size', whole(room.next))
  end
  return true
end

local function parse_ticket(line)
  if not line then return nil end
  local state, version, index, number, units, lapses, at, order, expires, leaf, nonce = string.match(
    line,
    '^(%a+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%S+) (%d+) (%x+) (%x+)$'
  )
  if not state then return nil end
  return {
    state = state, version = tonumber(version), index = tonumber(index),
    number = tonumber(number), units = tonumber(units), lapses = tonumber(lapses),
    at = tonumber(at), order_id = order, expires = tonumber(expires), leaf = leaf, nonce = nonce,
  }
end

local function ticket_line(ticket)
  local format = '%s %d %d %d %d %d %d %s %d %s %s'
  return string.format(
    format, ticket.state, ticket.version, ticket.index, ticket.number, ticket.units,
    ticket.lapses, ticket.at, ticket.order_id, ticket.expires, ticket.leaf, ticket.nonce
  )
end

local function ticket_of(user)
  return parse_ticket(redis.call('HGET', TICKETS, user))
end

local function pass_name(user, ticket)
  return string.format('%s %d ', ticket.order_id, ticket.units) .. user
end

local function count(ticket, sign)
  local field = COUNTED[ticket.state]
  if not field then return end
  terms[field] = terms[field] + sign * ticket.units
  redis.call('HINCRBY', ITEM, field, whole(sign * ticket.units))
  if field == 'waiting' then redis.call('HINCRBY', ITEM, 'tickets', whole(sign)) end
end

local function take_out(user, ticket)
  count(ticket, -1)
  if ticket.state == 'called' then redis.call('ZREM', CALLS, user) end
  if ticket.state == 'fetched' then redis.call('ZREM', PASSES, pass_name(user, ticket)) end
end

local function put_in(user, ticket)
  count(ticket, 1)
  if ticket.state == 'called' then redis.call('ZADD', CALLS, whole(ticket.at), user) end
  if ticket.state == 'fetched' then
    redis.call('ZADD', PASSES, whole(ticket.expires), pass_name(user, ticket))
  end
  redis.call('HSET', TICKETS, user, ticket_line(ticket))
end

local function tell(user, ticket, what)
  redis.call(
    'XADD', JOINS, '*', 'user', user, 'what', what, 'at_ms', now_text, 'ticket', ticket_line(ticket)
  )
end

-- A ticket's new state with what else changes of it. A ticket without one is new.
local function change(user, ticket, what, state, changes)
  if ticket.state then take_out(user, ticket) end
  for field, value in pairs(changes or {}) do ticket[field] = value end
  ticket.state, ticket.at, ticket.version = state, now, (ticket.version or 0) + 1
  put_in(user, ticket)
  tell(user, ticket, what)
end

local function new_number(user)
  local number = redis.call('HINCRBY', ROOM, 'next', 1) - 1
  room.next = number + 1
  redis.call('HSET', NUMBERS, whole(number), user)
  return number
end

-- From 1; nil in a draw's pool, and until its places are fixed.
local function place_of(number)
  if terms.drawn == 1 then
    if not room.pool_size then return nil end
    if number < room.pool_size then
      local packed = redis.call('GETRANGE', PLACES, number * 4, number * 4 + 3)
      return #packed == 4 and struct.unpack('>I4', packed) + 1 or nil
    end
  end
  return number + 1
end

-- An offer that nobody took, in whatever way.
local function count_lapse()
  if redis.call('HINCRBY', ROOM, 'lapsed_in_row', 1) < LAPSES_IN_A_ROW then return end
  redis.call('HSET', ROOM, 'lapsed_in_row', '0')
  -- Where a click needs a pass, there is nobody to give it to but the next in line.
  if terms.requires_entry_token == 1 then return end
  -- One, and not one more for each three: nobody may come to click.
  terms.for_clicks = 1
  redis.call('HSET', ITEM, 'for_clicks', '1')
  redis.call('HSET', ROOM, 'clicks_until', whole(now + 1000 * (terms.pass_window_seconds or 180)))
end

-- A pass nobody used: to the end once, the second time for good.
local function lapse(user, ticket)
  if ticket.lapses == 0 then
    local number = new_number(user)
    local changes = { lapses = 1, number = number, order_id = '-', expires = 0 }
    change(user, ticket, 'lapsed', 'waiting', changes)
  else
    change(user, ticket, 'lapsed', 'lapsed', { lapses = ticket.lapses + 1 })
  end
  count_lapse()
end

-- Time in which nobody could order is nobody's loss: after a pause, or an outage of whatever kind,
-- calls and passes get full windows, in the room's next turn.
local function are_windows_due()
  if terms.room_paused == 1 or not is_open_here() then return true end
  return room.last_ms ~= nil and now - room.last_ms > OUT_OF_REACH_MS
end

-- When a pass ends that is given, or given anew, now.
local function pass_end()
  return math.min(now + 1000 * (terms.pass_window_seconds or 180), terms.ends_at_ms)
end

-- What a buyer is told: a verdict with a detail, the ticket, its place, and the room's figures.
local function report(verdict, user, detail)
  local line = redis.call('HGET', TICKETS, user)
  local ticket = parse_ticket(line)
  local place = ticket and place_of(ticket.number)
  return {
    verdict, detail or '', line or '', whole(place or 0), whole(room.serving),
    whole(room.next or 0), whole(room.pool_size or -1), whole(room.over or 0),
    whole(room.earlier_at or 0), whole(room.earlier_serving or 0), now_text,
  }
end
