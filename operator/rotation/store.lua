-- KEYS[1] hash of a rotating token; ARGV[1] the field `pair` as it was read, '' for none; ARGV[2] what it is to be.
-- Returns 1 if it is that now, also if an earlier call whose answer was lost has written it; 0 if somebody else wrote it since.
local present = redis.call('HGET', KEYS[1], 'pair') or ''
if present == ARGV[2] then return 1 end
if present ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'pair', ARGV[2])
return 1
