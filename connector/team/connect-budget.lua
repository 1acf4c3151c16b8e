-- A bucket of connects with one token of one team, shared by all connectors of all clusters (design rule 11).
-- KEYS[1] the bucket, a hash: calls (left, as of atMs), atMs, blockedMs (nobody connects before), urgentMs (a connect that
--         was needed found no call, so all others wait until then)
-- ARGV[1] purpose: needed | refresh | spread | rebalance, or block  ARGV[2] calls of a full bucket  ARGV[3] ms until one comes back
-- ARGV[4] block: for how many ms; else: ms for which a refused need keeps refreshes waiting
-- Returns { 1, 0 } when the connect may be made, else { 0, ms to wait }. Times are Redis times.
local purpose, capacity, refillMs, forMs = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local held = redis.call('HMGET', KEYS[1], 'calls', 'atMs', 'blockedMs', 'urgentMs')
local calls = tonumber(held[1] or capacity)
local atMs = tonumber(held[2] or nowMs)
local blockedMs = tonumber(held[3] or 0)
local urgentMs = tonumber(held[4] or 0)

-- A block lies ahead of nowMs, with what the bucket will hold at its end. Nothing else does: the clock of a new primary
-- may be behind, and then the bucket only stands still.
local fromMs = math.max(atMs, blockedMs)
calls = math.min(capacity, calls + math.max(0, nowMs - fromMs) / refillMs)

local granted, waitMs = 0, 0
if purpose == 'block' then
  -- Slack grants one when the time is over; as many as come back in that time, so that a 429 that asks for none gives
  -- none. A longer block stays.
  local untilMs = math.max(blockedMs, nowMs + forMs)
  calls = math.min(1, calls + (untilMs - math.max(blockedMs, nowMs)) / refillMs)
  blockedMs = untilMs
else
  -- Sums of fractions end a hair below the whole that they stand for.
  local needs = (purpose == 'rebalance' and capacity or 1) - 1e-6
  if blockedMs > nowMs then
    waitMs = blockedMs - nowMs
  elseif purpose ~= 'needed' and urgentMs > nowMs then
    waitMs = math.max(urgentMs - nowMs, (needs - calls) * refillMs)
  elseif calls < needs then
    waitMs = (needs - calls) * refillMs
  else
    granted = 1
    calls = math.max(0, calls - 1)
  end
  if granted == 0 and purpose == 'needed' then urgentMs = nowMs + waitMs + forMs end
end

redis.call('HSET', KEYS[1], 'calls', tostring(calls), 'atMs', nowMs, 'blockedMs', blockedMs, 'urgentMs', urgentMs)
local fullMs = math.max(0, blockedMs - nowMs) + (capacity - calls) * refillMs
redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(fullMs, urgentMs - nowMs)) + 1000)
return { granted, math.ceil(waitMs) }
