-- Strikes a stream without entries off the live ones.
-- KEYS: intents, live streams

leave_if_empty(KEYS[1], KEYS[2])
