-- Answers how many numbers a draw's pool has; nil while it is open, and for a room that is no draw.
-- KEYS: those of the room

if not read_room() or terms.drawn ~= 1 then return false end
return room.pool_size or false
