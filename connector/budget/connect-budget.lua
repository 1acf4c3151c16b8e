-- A bucket with one token of one team. After connect-bucket.lua.
-- KEYS[1] adds: urgentMs (a connect that was needed found no call, so the others wait until then), tries (connects that were
--         needed since the last hello), lastMs and lastBy (the last of them)
-- ARGV[7] 1: Slack is known to be well again  ARGV[8], ARGV[9] ms after one connect in vain, after more
-- ARGV[10] ms that a call may take to Slack, which counts it when it arrives: the next must not get there too early because
--          it was quicker
-- Returns { 1, 0, 0 } if the connect may be made, else { 0, ms to wait, 1 if another slot of the team goes first };
-- of anyLive 1 or 0.
local unspaced, firstGapMs, nextGapMs = ARGV[7] == '1', tonumber(ARGV[8]), tonumber(ARGV[9])
local arrivesMs = tonumber(ARGV[10])
local urgentMs = tonumber(held.urgentMs or 0)
-- More than anybody who needs a connect has to wait.
if urgentMs > nowMs + longestBlockMs + capacity * refillMs then urgentMs = 0 end
local tries = tonumber(held.tries or 0)
local lastMs = math.min(nowMs, tonumber(held.lastMs or 0))
local lastBy = held.lastBy or ''

local granted, waitMs, yields = 0, 0, 0
if purpose == 'block' then
  block()
elseif purpose == 'hold' then
  hold()
elseif purpose == 'giveBack' then
  giveBack()
  if lastBy == asker then tries, lastMs, lastBy = math.max(0, tries - 1), 0, '' end
elseif purpose == 'live' then
  markLive()
  tries, lastMs, lastBy = 0, 0, ''
else
  -- Who needs a connect has no socket. A move leaves the slot's old socket, under the same name, where it is.
  if purpose == 'needed' or purpose == 'recheck' then unmarkLive() end
  local dueMs = nowMs
  if purpose == 'needed' and tries > 0 then
    local gapMs = tries == 1 and firstGapMs or nextGapMs
    -- A connect of another slot may still be in progress.
    if unspaced then gapMs = lastBy == asker and 0 or math.min(gapMs, firstGapMs) end
    dueMs = lastMs + gapMs
  end
  local whole = 1
  if purpose == 'rebalance' then whole = capacity elseif purpose == 'recheck' or sparing then whole = 2 end
  if blockedMs > nowMs then
    waitMs = blockedMs - nowMs
  elseif purpose ~= 'needed' and urgentMs > nowMs then
    waitMs = math.max(urgentMs - nowMs, missingMs(whole))
  elseif dueMs > nowMs then
    waitMs = math.max(dueMs - nowMs, missingMs(whole))
    if lastBy ~= asker then yields = 1 end
  elseif sparing and tries > 0 and lastBy ~= '' and lastBy ~= asker then
    -- Another replica probes with this team.
    waitMs, yields = forMs, 1
  elseif not has(whole) then
    waitMs = missingMs(whole) + arrivesMs
    -- One is left, which is reserved for a real need.
    if sparing and has(whole - 1) then yields = 1 end
  else
    granted = 1
    take()
    if purpose == 'needed' then tries, lastMs, lastBy = tries + 1, nowMs, asker end
  end
  if granted == 0 and purpose == 'needed' then
    -- One that yields asks again within seconds: it may be the next at any moment.
    urgentMs = yields == 1 and math.max(urgentMs, nowMs + forMs) or nowMs + waitMs + forMs
  end
end

redis.call('HSET', KEYS[1], 'urgentMs', urgentMs, 'tries', tries, 'lastMs', lastMs, 'lastBy', lastBy)
save(urgentMs)
return { granted, math.ceil(waitMs), yields }
