-- What a user's ticket says, and where the room is.
-- KEYS: those of the room     ARGV: user

if not read_room() then return report('not_found', ARGV[1]) end
return report('ticket', ARGV[1])
