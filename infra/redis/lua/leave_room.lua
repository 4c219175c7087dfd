-- Gives a user's place up, with its call or its pass.
-- KEYS: those of the room     ARGV: user

local user = ARGV[1]
if not read_room() then return report('not_found', user) end
local ticket = ticket_of(user)
if not ticket then return report('no_ticket', user) end
if ticket.state == 'used' then return report('used', user) end
if ticket.state == 'fetched' and redis.call('HEXISTS', RESERVATIONS, ticket.order_id) == 1 then
  change(user, ticket, 'used', 'used')
  return report('used', user)
end
if ticket.state ~= 'left' and ticket.state ~= 'lapsed' then
  change(user, ticket, 'left', 'left')
end
return report('ticket', user)
