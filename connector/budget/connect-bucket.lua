-- One bucket of connects, shared by all connectors of all clusters (design rule 11): what every kind of bucket has. The
-- script of the kind follows in the same text (redis-connect-budget.ts). Times are Redis times.
-- KEYS[1] the bucket, a hash: calls (left, as of atMs), atMs, blockedMs (nobody connects before), live:<asker> (its socket
--         counts as live until then), and what the kind adds
-- ARGV[1] needed | refresh | spread | recheck | rebalance, or giveBack | block | hold | live | release | anyLive
-- ARGV[2] calls of a full bucket  ARGV[3] ms until one comes back
-- ARGV[4] block, hold, live: for how many ms; else: ms for which a connect that was refused keeps others waiting
-- ARGV[5] who asks: <process>/<slot>  ARGV[6] 1: not the last call
-- The last two: ms of the longest block, ms for which a live socket counts
local purpose, capacity, refillMs, forMs = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local asker, sparing = ARGV[5], ARGV[6] == '1'
local longestBlockMs, liveForMs = tonumber(ARGV[#ARGV - 1]), tonumber(ARGV[#ARGV])
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local held, liveMs = {}, {}
local fields = redis.call('HGETALL', KEYS[1])
for at = 1, #fields, 2 do
  local name, value = fields[at], fields[at + 1]
  if string.sub(name, 1, 5) ~= 'live:' then
    held[name] = value
  elseif tonumber(value) > nowMs then
    -- A time further ahead than it can have been set is of a clock that was ahead of this one; so below.
    local untilMs = math.min(tonumber(value), nowMs + liveForMs)
    liveMs[string.sub(name, 6)] = untilMs
    if untilMs < tonumber(value) then redis.call('HSET', KEYS[1], name, untilMs) end
  else
    redis.call('HDEL', KEYS[1], name)
  end
end

local function lastLiveMs()
  local lastMs = 0
  for _, untilMs in pairs(liveMs) do lastMs = math.max(lastMs, untilMs) end
  return lastMs
end
if purpose == 'anyLive' then return lastLiveMs() > 0 and 1 or 0 end

local function markLive()
  liveMs[asker] = nowMs + forMs
  redis.call('HSET', KEYS[1], 'live:' .. asker, liveMs[asker])
end

local function unmarkLive()
  liveMs[asker] = nil
  redis.call('HDEL', KEYS[1], 'live:' .. asker)
end

local calls = tonumber(held.calls or capacity)
local blockedMs = math.min(tonumber(held.blockedMs or 0), nowMs + longestBlockMs)
-- A block lies ahead of nowMs, with what the bucket will hold at its end. Nothing else does: the clock of a new primary
-- may be behind, and then the bucket only stands still.
local fromMs = math.max(tonumber(held.atMs or nowMs), blockedMs)
calls = math.min(capacity, calls + math.max(0, nowMs - fromMs) / refillMs)

-- Slack grants one when the time is over; as many as come back in that time, so that a 429 that asks for none gives none. A
-- longer block stays.
local function block()
  local untilMs = math.max(blockedMs, nowMs + forMs)
  calls = math.min(1, calls + (untilMs - math.max(blockedMs, nowMs)) / refillMs)
  blockedMs = untilMs
end

local function hold() blockedMs = math.max(blockedMs, nowMs + forMs) end

local function giveBack() calls = math.min(capacity, calls + 1) end

-- Of a whole number of calls. Sums of fractions end slightly below the number that they stand for.
local function has(whole) return calls >= whole - 1e-6 end
local function missingMs(whole) return (whole - 1e-6 - calls) * refillMs end

local function take() calls = math.max(0, calls - 1) end

-- lastMs: the hash stays until then at least
local function save(lastMs)
  redis.call('HSET', KEYS[1], 'calls', tostring(calls), 'atMs', nowMs, 'blockedMs', blockedMs)
  local fullMs = math.max(0, blockedMs - nowMs) + (capacity - calls) * refillMs
  redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(fullMs, lastMs - nowMs, lastLiveMs() - nowMs)) + 1000)
end

