-- Tells a draining pod that nothing is left to move.
-- KEYS[1] planner lock, KEYS[2] mark
-- ARGV[1] value of the lock, ARGV[2] incarnation, ARGV[3] TTL in ms, ARGV[4] channel of the nudge
-- Returns 1, or 0 if the lock is no longer ours.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('PUBLISH', ARGV[4], 'drained')
return 1
