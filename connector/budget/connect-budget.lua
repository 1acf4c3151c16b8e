-- A bucket of connects with one token of one team, shared by all connectors of all clusters (design rule 11).
-- KEYS[1] the bucket, a hash: calls (left, as of atMs), atMs, blockedMs (nobody connects before), urgentMs (a connect that
--         was needed found no call, so the others wait until then), tries (connects that were needed since the last hello),
--         lastMs and lastBy (the last of them), live:<asker> (its socket counts as live until then)
-- ARGV[1] purpose: needed | refresh | spread | recheck | rebalance, or giveBack | block | hold | live | anyLive
-- ARGV[2] calls of a full bucket  ARGV[3] ms until one comes back
-- ARGV[4] block, hold, live: for how many ms; else: ms for which a refused need keeps the others waiting
-- ARGV[5] who asks  ARGV[6] 1: Slack is known to be well again  ARGV[7], ARGV[8] ms after one connect in vain, after more
-- ARGV[9] 1: not the last call
-- Returns { 1, 0, 0 } if the connect may be made, else { 0, ms to wait, 1 if another slot of the team goes first };
-- of anyLive 1 or 0. Times are Redis times.
local purpose, capacity, refillMs, forMs = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local asker, unspaced, firstGapMs, nextGapMs = ARGV[5], ARGV[6] == '1', tonumber(ARGV[7]), tonumber(ARGV[8])
local sparing = ARGV[9] == '1'
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local held, liveMs = {}, {}
local fields = redis.call('HGETALL', KEYS[1])
for at = 1, #fields, 2 do
  local name, value = fields[at], fields[at + 1]
  if string.sub(name, 1, 5) == 'live:' then liveMs[name] = tonumber(value) else held[name] = value end
end

local lastLiveMs = 0
for name, untilMs in pairs(liveMs) do
  if untilMs <= nowMs then redis.call('HDEL', KEYS[1], name) else lastLiveMs = math.max(lastLiveMs, untilMs) end
end
if purpose == 'anyLive' then return lastLiveMs > 0 and 1 or 0 end

local calls = tonumber(held.calls or capacity)
local atMs = tonumber(held.atMs or nowMs)
local blockedMs = tonumber(held.blockedMs or 0)
local urgentMs = tonumber(held.urgentMs or 0)
local tries = tonumber(held.tries or 0)
local lastMs = math.min(nowMs, tonumber(held.lastMs or 0))
local lastBy = held.lastBy or ''

-- A block lies ahead of nowMs, with what the bucket will hold at its end. Nothing else does: the clock of a new primary
-- may be behind, and then the bucket only stands still.
local fromMs = math.max(atMs, blockedMs)
calls = math.min(capacity, calls + math.max(0, nowMs - fromMs) / refillMs)

local granted, waitMs, yields = 0, 0, 0
if purpose == 'block' then
  -- Slack grants one when the time is over; as many as come back in that time, so that a 429 that asks for none gives
  -- none. A longer block stays.
  local untilMs = math.max(blockedMs, nowMs + forMs)
  calls = math.min(1, calls + (untilMs - math.max(blockedMs, nowMs)) / refillMs)
  blockedMs = untilMs
elseif purpose == 'hold' then
  blockedMs = math.max(blockedMs, nowMs + forMs)
elseif purpose == 'giveBack' then
  calls = math.min(capacity, calls + 1)
  if lastBy == asker then tries, lastMs, lastBy = math.max(0, tries - 1), 0, '' end
elseif purpose == 'live' then
  redis.call('HSET', KEYS[1], 'live:' .. asker, nowMs + forMs)
  lastLiveMs = math.max(lastLiveMs, nowMs + forMs)
  tries, lastMs, lastBy = 0, 0, ''
else
  -- Who needs a connect has no socket. A move leaves the slot's old socket, under the same name, where it is.
  if purpose == 'needed' or purpose == 'recheck' then redis.call('HDEL', KEYS[1], 'live:' .. asker) end
  local dueMs = nowMs
  if purpose == 'needed' and tries > 0 then
    local gapMs = tries == 1 and firstGapMs or nextGapMs
    -- A connect of another slot may still be in progress.
    if unspaced then gapMs = lastBy == asker and 0 or math.min(gapMs, firstGapMs) end
    dueMs = lastMs + gapMs
  end
  local whole = 1
  if purpose == 'rebalance' then whole = capacity elseif purpose == 'recheck' or sparing then whole = 2 end
  -- Sums of fractions end slightly below the whole number that they stand for.
  local needs = whole - 1e-6
  if blockedMs > nowMs then
    waitMs = blockedMs - nowMs
  elseif purpose ~= 'needed' and urgentMs > nowMs then
    waitMs = math.max(urgentMs - nowMs, (needs - calls) * refillMs)
  elseif dueMs > nowMs then
    waitMs = math.max(dueMs - nowMs, (needs - calls) * refillMs)
    if lastBy ~= asker then yields = 1 end
  elseif calls < needs then
    waitMs = (needs - calls) * refillMs
    -- One is left, which is reserved for a real need.
    if sparing and calls >= needs - 1 then yields = 1 end
  else
    granted = 1
    calls = math.max(0, calls - 1)
    if purpose == 'needed' then tries, lastMs, lastBy = tries + 1, nowMs, asker end
  end
  if granted == 0 and purpose == 'needed' then
    -- One that yields asks again within seconds: it may be the next at any moment.
    urgentMs = yields == 1 and math.max(urgentMs, nowMs + forMs) or nowMs + waitMs + forMs
  end
end

redis.call('HSET', KEYS[1], 'calls', tostring(calls), 'atMs', nowMs, 'blockedMs', blockedMs, 'urgentMs', urgentMs,
  'tries', tries, 'lastMs', lastMs, 'lastBy', lastBy)
local fullMs = math.max(0, blockedMs - nowMs) + (capacity - calls) * refillMs
redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(fullMs, urgentMs - nowMs, lastLiveMs - nowMs)) + 1000)
return { granted, math.ceil(waitMs), yields }
