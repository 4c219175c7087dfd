-- Gives a called user the pass he may order with; asked again, the same one.
-- KEYS: those of the room
-- ARGV: user, order id for a new pass

local user, order_id = ARGV[1], ARGV[2]
if not read_room() then return report('not_found', user) end
local ticket = ticket_of(user)

if ticket and ticket.state == 'fetched' then
  -- It became an order, and Redis lost that.
  if redis.call('HEXISTS', RESERVATIONS, ticket.order_id) == 1 then
    change(user, ticket, 'used', 'used')
  elseif ticket.expires <= now and terms.paused ~= 1 then
    if are_windows_due() and now < terms.ends_at_ms then
      change(user, ticket, 'fetched', 'fetched', { expires = pass_end() })
    else
      lapse(user, ticket)
    end
  end
end

local function refused()
  if not ticket or ticket.state == 'left' then return 'no_ticket' end
  if ticket.state == 'lapsed' then return 'lapsed' end
  if now < terms.starts_at_ms then return 'not_started', whole(terms.starts_at_ms) end
  if now >= terms.ends_at_ms then return 'ended', whole(terms.ends_at_ms) end
  if room.over == 1 then return 'over' end
  if terms.paused == 1 then return 'paused' end
  local place = place_of(ticket.number)
  if not place or place > room.serving then return 'not_your_turn' end
end

-- In time a call is as good as a pass. Later there is what was called for nobody else.
local function units_for(taken)
  local free = terms.stock - terms.promised
  if ticket.state ~= 'called' then free = free - terms.called - terms.for_clicks end
  return math.min(ticket.units, free, terms.per_user_limit - taken)
end

if ticket and (ticket.state == 'fetched' or ticket.state == 'used') then
  return report('pass', user)
end
local verdict, detail = refused()
if verdict then return report(verdict, user, detail) end
local buyer = redis.call('HGET', BUYERS, user)
local taken = parse_buyer(buyer)
if taken >= terms.per_user_limit then return report('limit_reached', user, last_order(buyer)) end
local units = units_for(taken)
if units < 1 then return report('not_your_turn', user) end

local given = { units = units, order_id = order_id, expires = pass_end() }
change(user, ticket, 'fetched', 'fetched', given)
return report('pass', user)
