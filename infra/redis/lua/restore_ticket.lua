-- Puts a ticket back that Redis lost, or of which it has an earlier state. Answers 1 if it did.
-- KEYS: those of the room
-- ARGV: user, ticket, '1' for one that only its owner has kept: it changes nothing that is known,
--       and a room that is not open on this server (-1) may know it once it is

local user, told = ARGV[1], parse_ticket(ARGV[2])
if not read_room() then return 0 end
local known = ticket_of(user)
local is_its_owners = ARGV[3] == '1'
if is_its_owners then
  if not is_open_here() then return -1 end
  if known then return 0 end
  told.at = now
end
if known and known.version >= told.version then return 0 end
if known then take_out(user, known) end

local holder = redis.call('HGET', NUMBERS, whole(told.number))
if holder and holder ~= user then
  told.number = new_number(user)
else
  redis.call('HSET', NUMBERS, whole(told.number), user)
  if told.number >= (room.next or 0) then
    room.next = told.number + 1
    redis.call('HSET', ROOM, 'next', whole(room.next))
  end
end
local place = place_of(told.number)
local was_called = told.state == 'called' or told.state == 'overdue' or told.state == 'fetched'
if was_called and place and place > room.serving then
  room.serving = place
  redis.call('HSET', ROOM, 'serving', whole(place))
end

local state = told.state
if state == 'waiting' and place and place <= room.serving then state = 'overdue' end
if state == 'fetched' then
  local free = terms.stock - terms.promised - terms.called
  if redis.call('HEXISTS', RESERVATIONS, told.order_id) == 1 then
    state = 'used'
  elseif free < told.units then
    state = 'overdue'
  else
    told.expires = pass_end()
  end
end
if state == 'called' then told.at = now end
local is_changed = state ~= told.state
told.state = state
if is_changed then told.version = told.version + 1 end
put_in(user, told)
if is_changed or is_its_owners then tell(user, told, 'restored') end
redis.call('SADD', ROOMS, string.match(ITEM, '{(.*)}'))
return 1
