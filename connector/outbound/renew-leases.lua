-- Keeps a lease, and the paces that it holds, for as long again as it was given for. Nothing is changed if it is not ours.
-- KEYS[1] due  KEYS[2] leases  KEYS[3] pace of the channel  KEYS[4] pace of RTM
-- ARGV[1] name of the outbox  ARGV[2] nonce  ARGV[3] ms of the lease
-- Returns 1, or 0 if it is not ours
local due, leases = KEYS[1], KEYS[2]
local name, nonce, leaseMs = ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local lease = redis.call('HGET', leases, name)
if not lease or string.match(lease, '^(%S+) ') ~= nonce then return 0 end

-- A full Redis does not refuse this one, and asks no more after it.
redis.call('ZREM', due, '?')
redis.call('HSET', leases, name, nonce .. ' ' .. (nowMs + leaseMs))
redis.call('ZADD', due, nowMs + leaseMs, name)
for at = 3, 4 do
  if redis.call('GET', KEYS[at]) == nonce then redis.call('PEXPIRE', KEYS[at], leaseMs) end
end
return 1
