-- What became of the head of a leased outbox. With another lease than ours nothing is changed, but what Slack has said is kept.
-- KEYS[1] due  KEYS[2] heads  KEYS[3] leases  KEYS[4] troubles  KEYS[5] outbox  KEYS[6] stop  KEYS[7] pace of the channel
-- KEYS[8] pace of RTM  KEYS[9] result  KEYS[10] dead letters
-- ARGV[1] name of the outbox  ARGV[2] nonce of the lease
-- ARGV[3] sent | failed | again | back: the first two take the head away
-- ARGV[4] again, back: ms until it may be tried again
-- ARGV[5] ms until the next message of this team to this channel, 0 if none was sent
-- ARGV[6] ms of the stop, 0 for none
-- ARGV[7] result as JSON, '' for none  ARGV[8] ms that it lives  ARGV[9] dead letter as JSON, '' for none
-- ARGV[10] most dead letters  ARGV[11] failure as JSON, for the next try
-- Returns { 'settled', ms until the next message is due or -1 for none }, { 'late' } or { 'refused', error }
local due, heads, leases, troubles, outbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local name, nonce, what = ARGV[1], ARGV[2], ARGV[3]
local waitMs, paceMs, stopMs = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local lease = redis.call('HGET', leases, name)
local isOurs = lease and string.match(lease, '^(%S+) ') == nonce

-- A full Redis does not refuse this one, and asks no more after it: what has been sent must be marked.
redis.call('ZREM', due, '?')

if isOurs and ARGV[9] ~= '' then
  local pushed = redis.pcall('RPUSH', KEYS[10], ARGV[9])
  if type(pushed) == 'table' and pushed.err then return { 'refused', pushed.err } end
  redis.call('LTRIM', KEYS[10], -tonumber(ARGV[10]), -1)
end

if stopMs > 0 and redis.call('PTTL', KEYS[6]) < stopMs then redis.call('SET', KEYS[6], '-', 'PX', stopMs) end
for at = 7, 8 do
  local holder = redis.call('GET', KEYS[at])
  -- The pace of RTM is held by messages over RTM only.
  if holder == nonce or (not holder and at == 7) then
    if paceMs > 0 then redis.call('SET', KEYS[at], '-', 'PX', paceMs) else redis.call('DEL', KEYS[at]) end
  end
end
if ARGV[7] ~= '' and (isOurs or what == 'sent') then redis.call('SET', KEYS[9], ARGV[7], 'PX', ARGV[8]) end
if not isOurs then return { 'late' } end

redis.call('HDEL', leases, name)
if what == 'again' or what == 'back' then
  if what == 'again' then redis.call('HSET', troubles, name, ARGV[11]) end
  redis.call('ZADD', due, nowMs + waitMs, name)
  return { 'settled', waitMs }
end

redis.call('LTRIM', outbox, 1, -1)
redis.call('HDEL', troubles, name)
local head = redis.call('LINDEX', outbox, 0)
if not head then
  redis.call('ZREM', due, name)
  redis.call('ZREM', heads, name)
  return { 'settled', -1 }
end
redis.call('ZADD', due, nowMs + paceMs, name)
redis.call('ZADD', heads, what == 'sent' and nowMs or tonumber(string.match(head, '^%d+')) or nowMs, name)
return { 'settled', paceMs }
