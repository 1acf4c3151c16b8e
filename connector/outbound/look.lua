-- What waits: a page of the outboxes that are due soon, and those whose head has made no progress for long.
-- KEYS[1] due  KEYS[2] heads
-- ARGV[1] ms that soon is  ARGV[2] where the page begins  ARGV[3] most outboxes of a page  ARGV[4] ms that long is
-- Returns { number of outboxes, ms without progress of the oldest, due and ms until then in turn, long and ms without progress }
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', nowMs + ARGV[1], 'WITHSCORES', 'LIMIT', ARGV[2], ARGV[3])
local long = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', nowMs - ARGV[4], 'WITHSCORES', 'LIMIT', 0, ARGV[3])
if ARGV[2] == '0' then
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], nowMs + ARGV[5], '+inf', 'LIMIT', 0, ARGV[3])) do
    due[#due + 1] = name
    due[#due + 1] = nowMs
  end
end
for at = 2, #due, 2 do due[at] = due[at] - nowMs end
for at = 2, #long, 2 do long[at] = nowMs - long[at] end
return { redis.call('ZCARD', KEYS[1]), oldest[2] and math.max(0, nowMs - oldest[2]) or 0, due, long }
