-- Removes records of refused tokens that no longer apply, unless a connector has written another one meanwhile.
-- KEYS[1] planner lock, KEYS[2] hash of records
-- ARGV[1] value of the lock, ARGV[2] version afterwards, then pairs of owner and record
-- Returns the number of records that were removed, -1 if the lock is no longer ours.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local removed = 0
for i = 3, #ARGV, 2 do
  if redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[i + 1] then
    removed = removed + redis.call('HDEL', KEYS[2], ARGV[i])
  end
end
if redis.call('HLEN', KEYS[2]) == redis.call('HEXISTS', KEYS[2], '@version') then
  redis.call('DEL', KEYS[2])
elseif removed > 0 then
  redis.call('HSET', KEYS[2], '@version', ARGV[2])
end
return removed
