-- Deletes what a dead pod left behind, unless it is back.
-- KEYS[1] planner lock, KEYS[2] session, KEYS[3] sorted set of pods, KEYS[4...] keys to delete
-- ARGV[1] value of the lock, ARGV[2] pod
-- Returns 1, or 0 when nothing was deleted.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('ZREM', KEYS[3], ARGV[2])
for i = 4, #KEYS do
  redis.call('DEL', KEYS[i])
end
return 1
