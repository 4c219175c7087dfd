-- Opens a room on this server, with what is known of it. Answers 0 where it is open already.
-- KEYS: those of the room
-- ARGV: next number, serving, pool size or '', digest or '', numbers to leave out after a loss

if not read_room() then return 0 end
if is_open_here() then return 0 end
local next_number = math.max(room.next or 0, tonumber(ARGV[1]))
-- Somebody may have been given a number that nobody here remembers.
if room.next or next_number > 0 then next_number = next_number + tonumber(ARGV[5]) end
local serving = math.max(room.serving, tonumber(ARGV[2]))
-- While this server was away nobody could order: as after a pause, nobody's window ran meanwhile.
if room.next then redis.call('HSET', ITEM, 'room_paused', '1') end
redis.call(
  'HSET', ROOM, 'next', whole(next_number), 'serving', whole(serving), 'run_id', server()
)
if ARGV[3] ~= '' then redis.call('HSETNX', ROOM, 'pool_size', ARGV[3]) end
if ARGV[4] ~= '' then redis.call('HSETNX', ROOM, 'digest', ARGV[4]) end
redis.call('SADD', ROOMS, string.match(ITEM, '{(.*)}'))
return 1
