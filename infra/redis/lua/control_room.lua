-- One turn of a room: takes back what lapsed, calls as many as there are units for.
-- Answers 'unknown' (another server: what was lost comes first), 'retired', or 'turned' with whether
-- the room is over, whether that is new, its figures, and the users who were called.
-- KEYS: those of the room     ARGV: how many are called at most

-- A call keeps its units so long for who does not come at once.
local CALL_MS = 20000
-- However long nobody looked, no more are called than in so long.
local MAX_ELAPSED_MS = 1000
local MIN_ELAPSED_MS = 50
-- Orders that wait so long say that no more can be carried.
local OLD_INTENT_MS = 10000
-- What one turn may do keeps everybody else waiting.
local MAX_LAPSES, MAX_LOOKED_AT, LOOKED_AT_ONCE = 200, 12000, 100
local RATE_MS = 30000

local most_called = tonumber(ARGV[1])
local called = {}

local function answer(verdict, is_new)
  local told = {
    verdict, whole(room.over or 0), is_new and '1' or '0', whole(terms.waiting or 0),
    whole(terms.called or 0), whole(terms.promised or 0), whole(room.serving or 0),
  }
  -- Not unpack(): thousands may be called in one turn, and it fails from 8,000 on.
  for _, user in ipairs(called) do told[#told + 1] = user end
  return told
end

local function take_back()
  local expired = redis.call('ZRANGEBYSCORE', PASSES, '-inf', now_text, 'LIMIT', 0, MAX_LAPSES)
  for _, name in ipairs(expired) do
    local user = string.match(name, '^%S+ %d+ (.*)$')
    local ticket = ticket_of(user)
    if ticket and ticket.state == 'fetched' and pass_name(user, ticket) == name then
      lapse(user, ticket)
    else
      redis.call('ZREM', PASSES, name)
    end
  end
  local since = whole(now - CALL_MS)
  for _, user in ipairs(redis.call('ZRANGEBYSCORE', CALLS, '-inf', since, 'LIMIT', 0, MAX_LAPSES)) do
    local ticket = ticket_of(user)
    if ticket and ticket.state == 'called' then
      change(user, ticket, 'overdue', 'overdue')
      count_lapse()
    else
      redis.call('ZREM', CALLS, user)
    end
  end
end

local function give_full_windows()
  local expires = pass_end()
  for _, name in ipairs(redis.call('ZRANGE', PASSES, 0, -1)) do
    local user = string.match(name, '^%S+ %d+ (.*)$')
    local ticket = ticket_of(user)
    if ticket and ticket.state == 'fetched' then
      change(user, ticket, 'fetched', 'fetched', { expires = expires })
    end
  end
  for _, user in ipairs(redis.call('ZRANGE', CALLS, 0, -1)) do
    local ticket = ticket_of(user)
    if ticket and ticket.state == 'called' then change(user, ticket, 'called', 'called') end
  end
end

local function intents_are_old()
  local oldest = redis.call('XRANGE', INTENTS, '-', '+', 'COUNT', 1)[1]
  return oldest and tonumber(string.match(oldest[1], '^%d+')) < now - OLD_INTENT_MS
end

-- The numbers of places first to last, counted from 0.
local function numbers_of(first, last)
  local numbers = {}
  if terms.drawn == 1 and first < room.pool_size then
    local size = room.pool_size
    last = math.min(last, size - 1)
    local packed = redis.call('GETRANGE', PLACES, (size + first) * 4, (size + last) * 4 + 3)
    for i = 0, last - first do numbers[#numbers + 1] = struct.unpack('>I4', packed, 4 * i + 1) end
  else
    for number = first, last do numbers[#numbers + 1] = number end
  end
  return numbers
end

-- Answers nil where nobody waits under this number any more.
local function waiting_at(number, user)
  if not user then return nil end
  local ticket = ticket_of(user)
  if ticket and ticket.number == number and ticket.state == 'waiting' then return ticket end
end

local function call_next(budget)
  local looked_at, place = 0, room.serving
  while looked_at < MAX_LOOKED_AT and place < room.next do
    local numbers = numbers_of(place, math.min(place + LOOKED_AT_ONCE, room.next) - 1)
    for i, number in ipairs(numbers) do numbers[i] = whole(number) end
    local users = redis.call('HMGET', NUMBERS, unpack(numbers))
    for i, number in ipairs(numbers) do
      local ticket = waiting_at(tonumber(number), users[i])
      if ticket then
        local free = terms.stock - terms.promised - terms.called - terms.for_clicks
        local comes_back = (terms.held or 0) + terms.promised + terms.called > 0
        -- Who wants two is not sent away with one while another may still come back.
        local is_full = #called >= most_called
        if is_full or free < 1 or budget < 1 or (free < ticket.units and comes_back) then
          return place, budget
        end
        change(users[i], ticket, 'called', 'called')
        called[#called + 1] = users[i]
        budget = budget - 1
      end
      place = place + 1
    end
    looked_at = looked_at + #numbers
  end
  return place, budget
end

local function serve(elapsed)
  local per_ms = (terms.pace_per_minute or 0) / 60000
  local budget = math.huge
  if per_ms > 0 then
    local most = math.max(1, per_ms * MAX_ELAPSED_MS)
    budget = math.min(most, (room.budget or 0) + elapsed * per_ms)
  end
  -- The key that is not there is a draw whose places are not fixed yet.
  local is_fixed = terms.drawn ~= 1
    or (room.pool_size and redis.call('STRLEN', PLACES) == 8 * room.pool_size)
  if is_fixed and not intents_are_old() then room.serving, budget = call_next(budget) end
  redis.call('HSET', ROOM, 'serving', whole(room.serving))
  if per_ms > 0 then redis.call('HSET', ROOM, 'budget', string.format('%.6f', budget)) end
end

-- Where the room was half a minute to a minute ago, for whoever asks how long it takes.
local function remember_rate()
  if room.rate_at and now - room.rate_at < RATE_MS then return end
  redis.call(
    'HSET', ROOM, 'earlier_at', whole(room.rate_at or now),
    'earlier_serving', whole(room.rate_serving or room.serving),
    'rate_at', now_text, 'rate_serving', whole(room.serving)
  )
end

-- Answers whether that is new.
local function see_whether_over(has_ended)
  local left = terms.stock + (terms.held or 1) + terms.promised + terms.called
  local over = (has_ended or left == 0) and 1 or 0
  local is_new = over ~= (room.over or 0)
  if is_new then redis.call('HSET', ROOM, 'over', whole(over)) end
  -- Behind what became of the last tickets, so that whoever still waits is told.
  if is_new and over == 1 then redis.call('XADD', JOINS, '*', 'what', 'over', 'at_ms', now_text) end
  room.over = over
  return is_new
end

if not read_room() then
  redis.call('SREM', ROOMS, string.match(ITEM, '{(.*)}'))
  return answer('retired')
end
if not is_open_here() then return answer('unknown') end
local elapsed = room.last_ms and now - room.last_ms or MAX_ELAPSED_MS
-- A clock that was set back must not stop the line.
if elapsed < 0 or elapsed > MAX_ELAPSED_MS then elapsed = MAX_ELAPSED_MS end
if elapsed < MIN_ELAPSED_MS then return answer('turned') end
redis.call('HSET', ROOM, 'last_ms', now_text)
if now >= terms.ends_at_ms then
  local is_new = see_whether_over(true)
  if redis.call('XLEN', JOINS) == 0 then redis.call('SREM', ROOMS, string.match(ITEM, '{(.*)}')) end
  return answer('turned', is_new)
end
if terms.paused == 1 then
  redis.call('HSET', ITEM, 'room_paused', '1')
  return answer('turned')
end
if are_windows_due() then
  give_full_windows()
  redis.call('HSET', ITEM, 'room_paused', '0')
end
if now < terms.starts_at_ms then return answer('turned') end
if terms.for_clicks > 0 and now >= (room.clicks_until or 0) then
  terms.for_clicks = 0
  redis.call('HSET', ITEM, 'for_clicks', '0')
end
take_back()
serve(elapsed)
remember_rate()
return answer('turned', see_whether_over(false))
