-- Gives a user a ticket for so many units, or says why not; asked again, the same one. Who left, and
-- whose order is over without having been bought, gets a new number.
-- KEYS: those of the room
-- ARGV: user, units, leaf, nonce

local user, units, leaf, nonce = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
if not read_room() then return report('not_found', user) end
local ticket = ticket_of(user)
-- Nothing is left of the order his place became, so that he may order again: he may wait again.
local is_free_again = ticket and ticket.state == 'used'
  and redis.call('HEXISTS', BUYERS, user) == 0
if ticket and ticket.state ~= 'left' and not is_free_again then return report('ticket', user) end

local function free_for_clicks()
  return terms.stock - terms.promised - terms.called - terms.waiting
end

local function refused()
  if now >= terms.ends_at_ms then return 'ended', whole(terms.ends_at_ms) end
  if room.over == 1 then return 'over' end
  if terms.requires_entry_token == 1 then
    local opens_at = terms.room_opens_at_ms or terms.starts_at_ms
    if now < opens_at then return 'not_started', whole(opens_at) end
  else
    if now < terms.starts_at_ms then return 'not_started', whole(terms.starts_at_ms) end
    if free_for_clicks() >= units then return 'free' end
  end
  local buyer = redis.call('HGET', BUYERS, user)
  if parse_buyer(buyer) + units > terms.per_user_limit then
    return 'limit_reached', last_order(buyer)
  end
  if not is_open_here() then return 'unknown' end
end

local verdict, detail = refused()
-- Where there is nothing to wait for, his ticket is what it was.
if is_free_again and verdict and verdict ~= 'unknown' then return report('ticket', user) end
if verdict then return report(verdict, user, detail) end

if ticket then
  -- In a pool nobody gains by coming twice: a number there is as good as another.
  local in_pool = terms.drawn == 1 and not room.pool_size
  local number = in_pool and ticket.number or new_number(user)
  change(user, ticket, 'joined', 'waiting', { number = number, units = units, order_id = '-' })
else
  local number = new_number(user)
  ticket = {
    index = number, number = number, units = units, lapses = 0, order_id = '-', expires = 0,
    leaf = leaf, nonce = nonce,
  }
  change(user, ticket, 'joined', 'waiting')
end
redis.call('SADD', ROOMS, string.match(ITEM, '{(.*)}'))
return report('ticket', user)
