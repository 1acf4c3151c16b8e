-- Renews a connector's session lease and returns what the connector needs to know about its pod.
-- KEYS[1] session  KEYS[2] pods, a sorted set  KEYS[3] assignment version  KEYS[4] reports, a hash  KEYS[5] drained
-- KEYS[6] owner of the scope
-- ARGV[1] session as JSON  ARGV[2] ms that it lives  ARGV[3] pod  ARGV[4] incarnation
-- ARGV[5] ms that the reports live  ARGV[6] our owner, '' when not known
-- ARGV[7] incarnation that the name may be taken from, '' for none  ARGV[8] score of its last renewal
-- Returns Redis time in ms, the version or nil, the drained mark or nil, 1 if there are reports, the incarnation of
-- another process that holds the name, or '', and another owner of the scope, or ''. With either nothing was written.
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

-- Earlier versions wrote owners without the last part (core/protocol/scope.ts compares the same way).
local foreign = ''
local owner = redis.call('GET', KEYS[6])
if owner and ARGV[6] ~= '' and owner ~= ARGV[6] and string.sub(ARGV[6], 1, #owner + 1) ~= owner .. '/' then
  foreign = owner
end

-- A draining process has given up the name, whether or not it still runs.
local rival = ''
local held = redis.call('GET', KEYS[1])
if held then
  local readable, session = pcall(cjson.decode, held)
  if readable and type(session) == 'table' and type(session.incarnation) == 'string'
    and session.incarnation ~= ARGV[4] and session.state ~= 'draining' then
    local judged = session.incarnation == ARGV[7] and (redis.call('ZSCORE', KEYS[2], ARGV[3]) or '') == ARGV[8]
    if not judged then rival = session.incarnation end
  end
end

if rival == '' and foreign == '' then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  redis.call('ZADD', KEYS[2], nowMs, ARGV[3])
  redis.call('PEXPIRE', KEYS[4], ARGV[5])
end
return { nowMs, redis.call('GET', KEYS[3]), redis.call('GET', KEYS[5]), redis.call('EXISTS', KEYS[4]), rival, foreign }
