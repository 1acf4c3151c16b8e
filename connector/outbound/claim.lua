-- Leases an outbox to one connector, if its head may be sent now. From then on the pace of its token is held until the message
-- has been answered, or the lease ends.
-- KEYS[1] due  KEYS[2] heads  KEYS[3] leases  KEYS[4] troubles  KEYS[5] outbox
-- KEYS[6] bucket of the token  KEYS[7] stop of chat.postMessage  KEYS[8] pace of the channel  KEYS[9] stop of RTM
-- KEYS[10] pace of RTM
-- ARGV[1] name of the outbox  ARGV[2] nonce  ARGV[3] ms of the lease
-- ARGV[4] 0: to send; else: to give up a head that has made no progress for so many ms
-- ARGV[5] 1: it can be sent over RTM  ARGV[6] ms until the bucket gets one message back  ARGV[7] messages of a full bucket
-- ARGV[8] no time lies further ahead than so many ms, unless Redis's clock has been set back
-- ARGV[9] ms until another look, while a message of another outbox is under way that holds the pace
-- Returns
--   { 'none' }                    nothing to do
--   { 'leased', ms }              by another connector, so long at most
--   { 'elsewhere' }               for RTM, which is not here
--   { 'wait', ms }
--   { 'claimed', Redis time in ms, the head, its last failure as JSON or '', ms without progress }
local due, heads, leases, troubles, outbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local name, nonce, leaseMs, giveUpMs, farMs = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[8])
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local function msUntil(atMs)
  local aheadMs = (tonumber(atMs) or 0) - nowMs
  return aheadMs > farMs and 0 or math.max(0, aheadMs)
end

local head = redis.call('LINDEX', outbox, 0)
if not head then
  redis.call('ZREM', due, name)
  redis.call('ZREM', heads, name)
  redis.call('HDEL', leases, name)
  redis.call('HDEL', troubles, name)
  return { 'none' }
end

local lease = redis.call('HGET', leases, name)
local leasedMs = lease and msUntil(string.match(lease, ' (%d+)$')) or 0
if leasedMs > 0 then return { 'leased', leasedMs } end
local trouble = redis.call('HGET', troubles, name) or ''
local idleMs = math.max(0, nowMs - (tonumber(redis.call('ZSCORE', heads, name)) or nowMs))

-- Not refused by a full Redis, and asked no more after the first write: sending is what makes room.
redis.call('HDEL', leases, name)

if giveUpMs > 0 then
  if idleMs < giveUpMs then return { 'none' } end
else
  local isRtm = string.match(head, '^%d+ (%a+) ') == 'rtm'
  if isRtm and ARGV[5] ~= '1' then return { 'elsewhere' } end
  local waitMs = msUntil(redis.call('ZSCORE', due, name))
  if waitMs > 0 then return { 'wait', waitMs } end

  local stop = isRtm and KEYS[9] or KEYS[7]
  local paces = isRtm and { KEYS[8], KEYS[10] } or { KEYS[8] }
  waitMs = redis.call('PTTL', stop)
  for _, pace in ipairs(paces) do
    local paceMs = redis.call('PTTL', pace)
    -- Its holder's lease is what would be waited for. It is answered long before, unless the holder was killed.
    if redis.call('GET', pace) ~= '-' then paceMs = math.min(paceMs, tonumber(ARGV[9])) end
    waitMs = math.max(waitMs, paceMs)
  end
  local intervalMs, burst = tonumber(ARGV[6]), tonumber(ARGV[7])
  -- When the bucket would be full again.
  local fullMs = nowMs
  if not isRtm then
    fullMs = nowMs + msUntil(redis.call('GET', KEYS[6]))
    waitMs = math.max(waitMs, fullMs - (burst - 1) * intervalMs - nowMs)
  end
  if waitMs > 0 then
    redis.call('ZADD', due, nowMs + waitMs, name)
    return { 'wait', waitMs }
  end
  if not isRtm then
    redis.call('SET', KEYS[6], fullMs + intervalMs, 'PX', fullMs + intervalMs - nowMs)
  end
  for _, pace in ipairs(paces) do redis.call('SET', pace, nonce, 'PX', leaseMs) end
end

redis.call('HSET', leases, name, nonce .. ' ' .. (nowMs + leaseMs))
redis.call('ZADD', due, nowMs + leaseMs, name)
redis.call('ZADD', heads, 'NX', nowMs, name)
return { 'claimed', nowMs, head, trouble, idleMs }
