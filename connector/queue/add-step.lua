-- Adds a step to the dedupe memory of a queue, unless another connector was faster or this one was stopped for too long.
-- KEYS[1]  steps, a string
-- ARGV[1]  steps as the connector knows them
-- ARGV[2]  the same with the new one
-- ARGV[3]  Redis time (ms) from which on the new one must not be added
-- Returns the steps as they are now, false when there are none
local time = redis.call('TIME')
local steps = redis.call('GET', KEYS[1])
if steps ~= ARGV[1] then return steps end
if time[1] * 1000 + math.floor(time[2] / 1000) >= tonumber(ARGV[3]) then return steps end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
