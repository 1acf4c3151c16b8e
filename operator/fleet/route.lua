-- Writes the route table of one app. Connectors read it whole when its version differs from the one they hold, so the
-- version changes together with the rows, and a long table is built beside the old one.
--
-- KEYS[1] planner lock, KEYS[2] table, KEYS[3] table under construction, KEYS[4] index of tables
-- ARGV[1] value of the lock
-- ARGV[2] step: change (rows of the table as it is), begin, more ... (build another), swap (put it in place), drop
-- ARGV[3] uid of the app
-- ARGV[4] version expected (change)
-- ARGV[5] version afterwards (change, swap)
-- ARGV[6] value in the index (change, swap)
-- ARGV[7] number of channels to nudge, then these
-- then the number of teams to remove, then these, then pairs of team and route
-- Returns ok, or why nothing was written:
--   fenced   the lock is another planner's or nobody's
--   changed  Redis does not hold the version that was expected
local lock, table, next, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local step, app = ARGV[2], ARGV[3]

if redis.call('GET', lock) ~= ARGV[1] then return 'fenced' end
if step == 'change' and redis.call('HGET', table, '@version') ~= ARGV[4] then return 'changed' end
if step == 'begin' then redis.call('DEL', next) end

local channels = tonumber(ARGV[7])
local removed = tonumber(ARGV[8 + channels])
local target = step == 'change' and table or next
for i = 9 + channels, 8 + channels + removed do
  redis.call('HDEL', target, ARGV[i])
end
for i = 9 + channels + removed, #ARGV, 2 do
  redis.call('HSET', target, ARGV[i], ARGV[i + 1])
end
if step == 'begin' or step == 'more' then return 'ok' end

if step == 'drop' then
  redis.call('DEL', table, next)
  redis.call('HDEL', index, app)
else
  redis.call('HSET', target, '@version', ARGV[5])
  if step == 'swap' then redis.call('RENAME', next, table) end
  redis.call('HSET', index, app, ARGV[6])
end
for i = 8, 7 + channels do
  redis.call('PUBLISH', ARGV[i], 'routes')
end
return 'ok'
