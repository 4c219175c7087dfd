-- Answers who has a place already, before all else that a room can do is even defined: a crowd asks
-- again and again, and that must not cost what joining does. As `report` in `tickets.lua` would say
-- it; whatever is not as plain as that goes on to the script itself.
-- KEYS: those of the room     ARGV: user, …

local line = redis.call('HGET', KEYS[3], ARGV[1])
local state, number = string.match(line or '', '^(%a+) %d+ %d+ (%d+) ')
-- Who left, or whose place became an order, may get another one.
if state and state ~= 'left' and state ~= 'used' then
  local stock, starts_at, ends_at, drawn = unpack(
    redis.call('HMGET', KEYS[1], 'stock', 'starts_at_ms', 'ends_at_ms', 'drawn')
  )
  local following, serving, pool_size, over, earlier_at, earlier_serving = unpack(
    redis.call(
      'HMGET', KEYS[2], 'next', 'serving', 'pool_size', 'over', 'earlier_at', 'earlier_serving'
    )
  )
  local now, is_drawn, place = now_ms(), drawn == '1', number + 1
  -- Whoever comes first after its start ends a pool.
  local ends_now = is_drawn and not pool_size and tonumber(now) >= (tonumber(starts_at) or 0)
  if is_drawn and not pool_size then
    place = 0
  elseif is_drawn and place <= tonumber(pool_size) then
    local packed = redis.call('GETRANGE', KEYS[7], 4 * place - 4, 4 * place - 1)
    place = #packed == 4 and struct.unpack('>I4', packed) + 1 or 0
  end
  if stock and starts_at and ends_at and not ends_now then
    return {
      'ticket', '', line, string.format('%d', place), serving or '0', following or '0',
      pool_size or '-1', over or '0', earlier_at or '0', earlier_serving or '0', now,
    }
  end
end

