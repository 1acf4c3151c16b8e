-- Writes assignments of one pod. A connector acts on a version higher than the one it holds, so the version rises only
-- when the hash is complete. During a long write there is no version at all: connectors read that as "unknown", and the
-- next planner as "lost", so it writes the hash whole.
--
-- KEYS[1] planner lock, KEYS[2] hash of slots, KEYS[3] version
-- ARGV[1] value of the lock
-- ARGV[2] step: all (a short write), or open, more ..., close (a long one)
-- ARGV[3] version expected, '' for none (all, open)
-- ARGV[4] fields expected in the hash; -1: nothing is expected, and what it holds is deleted first (all, open)
-- ARGV[5] fields that the hash must have at the end (all, close)
-- ARGV[6] versions up to this one have been used (all, close)
-- ARGV[7] channel of the nudge
-- ARGV[8] number of slots to remove, then these slots, then pairs of slot and value
-- Returns the new version, 0 after open and more, or why no version was published:
--   fenced   the lock is another planner's or nobody's; nothing was written
--   changed  Redis does not hold what was expected; nothing was written
--   short    the hash did not become what it should; it has no version now
local lock, hash, version = KEYS[1], KEYS[2], KEYS[3]
local step = ARGV[2]

if redis.call('GET', lock) ~= ARGV[1] then return 'fenced' end

local stored = redis.call('GET', version) or ''
if step == 'all' or step == 'open' then
  if ARGV[4] == '-1' then
    redis.call('DEL', hash)
  elseif stored ~= ARGV[3] or redis.call('HLEN', hash) ~= tonumber(ARGV[4]) then
    return 'changed'
  end
  if step == 'open' then redis.call('DEL', version) end
elseif stored ~= '' then
  return 'changed'
end

local first = 9 + tonumber(ARGV[8])
for i = 9, first - 1 do
  redis.call('HDEL', hash, ARGV[i])
end
for i = first, #ARGV, 2 do
  redis.call('HSET', hash, ARGV[i], ARGV[i + 1])
end
if step == 'open' or step == 'more' then return 0 end

if redis.call('HLEN', hash) ~= tonumber(ARGV[5]) then
  redis.call('DEL', version)
  return 'short'
end
local next = math.max(tonumber(stored) or 0, tonumber(ARGV[6])) + 1
redis.call('SET', version, string.format('%.0f', next))
redis.call('PUBLISH', ARGV[7], string.format('%.0f', next))
return next
