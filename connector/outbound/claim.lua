-- Leases an outbox to one connector, if its head may be sent now. From then on the pace of its channel is held until the message
-- has been answered, or the lease ends. Who has to wait for the bucket gets a turn of its own, so that thousands of outboxes of
-- one team do not all ask again for each message that it may send.
-- KEYS[1] due  KEYS[2] heads  KEYS[3] leases  KEYS[4] troubles  KEYS[5] outbox
-- KEYS[6] bucket of the team  KEYS[7] turns of those that wait for it  KEYS[8] pace of the channel
-- KEYS[9], KEYS[10] stops of chat.postMessage: of the token, of the team  KEYS[11] stop of RTM  KEYS[12] pace of RTM
-- ARGV[1] name of the outbox  ARGV[2] nonce  ARGV[3] ms of the lease
-- ARGV[4] 0: to send; else: to give up a head that has made no progress for so many ms
-- ARGV[5] 1: it can be sent over RTM  ARGV[6] ms until the bucket gets one message back  ARGV[7] messages of a full bucket
-- ARGV[8] no time lies further ahead than so many ms, unless Redis's clock has been set back
-- ARGV[9] ms for which a lease that has ended is left to its holder all the same
-- ARGV[10] ms after which a turn is lost  ARGV[11] most ms until somebody who waits for a turn asks again
-- ARGV[12] ms until another look, while a message of another outbox is under way that holds the pace
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
local leasedMs = lease and math.max(msUntil(string.match(lease, ' (%d+)$')), tonumber(ARGV[9])) or 0
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

  local holds = isRtm and { KEYS[8], KEYS[11], KEYS[12] } or { KEYS[8], KEYS[9], KEYS[10] }
  for _, hold in ipairs(holds) do
    local leftMs = redis.call('PTTL', hold)
    -- A message that is being sent holds it, until it is answered: long before its lease ends, if its process lives.
    if leftMs > 0 and redis.call('GET', hold) ~= '-' then leftMs = math.min(leftMs, tonumber(ARGV[12])) end
    waitMs = math.max(waitMs, leftMs)
  end
  local turns, intervalMs, burst, lostMs = KEYS[7], tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[10])
  -- When the bucket would be full again.
  local fullMs = nowMs
  if not isRtm and waitMs <= 0 then
    redis.call('ZREMRANGEBYSCORE', turns, '-inf', nowMs - lostMs)
    local ahead = redis.call('ZRANK', turns, name) or redis.call('ZCARD', turns)
    fullMs = nowMs + msUntil(redis.call('GET', KEYS[6]))
    local turnMs = fullMs + (ahead - burst + 1) * intervalMs
    waitMs = turnMs - nowMs
    if waitMs > 0 then
      redis.call('ZADD', turns, turnMs, name)
      if redis.call('PTTL', turns) < waitMs + lostMs then redis.call('PEXPIRE', turns, waitMs + lostMs) end
    else
      redis.call('ZREM', turns, name)
    end
  end
  if waitMs > 0 then
    waitMs = math.min(waitMs, tonumber(ARGV[11]))
    redis.call('ZADD', due, nowMs + waitMs, name)
    return { 'wait', waitMs }
  end
  if not isRtm then
    redis.call('SET', KEYS[6], fullMs + intervalMs, 'PX', fullMs + intervalMs - nowMs)
  end
  redis.call('SET', KEYS[8], nonce, 'PX', leaseMs)
  if isRtm then redis.call('SET', KEYS[12], nonce, 'PX', leaseMs) end
end

redis.call('HSET', leases, name, nonce .. ' ' .. (nowMs + leaseMs))
redis.call('ZADD', due, nowMs + leaseMs, name)
redis.call('ZADD', heads, 'NX', nowMs, name)
return { 'claimed', nowMs, head, trouble, idleMs }
