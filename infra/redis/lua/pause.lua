-- Pauses an item, or lets it go on. Changes nothing for one that was never preheated.
-- KEYS: item     ARGV: '1' or '0'

if redis.call('HEXISTS', KEYS[1], 'stock') == 0 then return end
redis.call('HSET', KEYS[1], 'paused', ARGV[1])
stock_changed(KEYS[1])
