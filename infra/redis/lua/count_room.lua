-- What a live room has counted, and what its tickets and passes come to, of one moment. Answers nil
-- where it is not live, else units waiting, called and promised and tickets that wait, as counted and
-- as they are; and the units of passes.
-- KEYS: those of the room     ARGV: '1' to count anew

local FIELDS = { 'waiting', 'called', 'promised', 'tickets' }

if redis.call('SISMEMBER', ROOMS, string.match(ITEM, '{(.*)}')) == 0 then return false end

local function count_anew()
  if not read_room() then return end
  for _, field in ipairs(FIELDS) do
    terms[field] = 0
    redis.call('HSET', ITEM, field, '0')
  end
  redis.call('DEL', PASSES, CALLS)
  local users_and_lines = redis.call('HGETALL', TICKETS)
  for i = 1, #users_and_lines, 2 do
    local ticket = parse_ticket(users_and_lines[i + 1])
    if ticket and COUNTED[ticket.state] then put_in(users_and_lines[i], ticket) end
  end
end

if ARGV[1] == '1' then count_anew() end
local found = { waiting = 0, called = 0, promised = 0, tickets = 0 }
-- Not parse_ticket(): of a hundred thousand nobody needs the rest.
for _, line in ipairs(redis.call('HVALS', TICKETS)) do
  local state, units = string.match(line, '^(%a+) %d+ %d+ %d+ (%d+) ')
  local field = COUNTED[state]
  if field then found[field] = found[field] + tonumber(units) end
  if field == 'waiting' then found.tickets = found.tickets + 1 end
end
local answer = {}
local counted = redis.call('HMGET', ITEM, unpack(FIELDS))
for i = 1, #FIELDS do answer[i] = counted[i] or '0' end
for _, field in ipairs(FIELDS) do answer[#answer + 1] = whole(found[field]) end
local in_passes = 0
for _, name in ipairs(redis.call('ZRANGE', PASSES, 0, -1)) do
  in_passes = in_passes + (tonumber(string.match(name, '^%S+ (%d+) ')) or 0)
end
answer[#answer + 1] = whole(in_passes)
return answer
