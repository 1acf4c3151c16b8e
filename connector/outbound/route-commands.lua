-- Puts the first commands of the inbox where they belong: each into its outbox, or on the dead list. Only ever the head is
-- taken, and only if it is the one that was judged, so several connectors may do this at once and the order is kept. A script
-- is not rolled back: every command that follows the first write of an item is tried before, in a way that changes nothing.
-- ZADD is the first, because Redis refuses it when it is full, and asks no more after the first write.
-- KEYS[1] inbox  KEYS[2] due  KEYS[3] heads  KEYS[4] dead letters  KEYS[5] a result that never exists
-- then two for each command: outbox, result
-- ARGV[1] most dead letters  ARGV[2] ms that the result of a waiting command lives  ARGV[3] of one that was refused
-- then five for each command:
--   SHA-1 of its bytes; outbox, '' for one that is refused; what stands before the command in its outbox: Redis time in ms, a
--   space and more; its result as JSON, '' for none; its dead letter as JSON, '' for none
-- Returns one string for each, in order:
--   routed | duplicate | refused
--   gone                          another connector has done it
--   error:<command>:<error>       it and what follows are still in the inbox
local inbox, due, heads, dead = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local function failed(command, reply)
  return type(reply) == 'table' and reply.err and 'error:' .. command .. ':' .. reply.err
end

local refusal = failed('zadd', redis.pcall('ZADD', due, 'XX', 0, '?'))
  or failed('zadd', redis.pcall('ZADD', heads, 'XX', 0, '?'))
  or failed('set', redis.pcall('SET', KEYS[5], '', 'XX', 'PX', 1))
  or failed('ltrim', redis.pcall('LTRIM', inbox, 0, -1))
if refusal then return { refusal } end

-- A command that was not done may be given again under the same id.
local function isTaken(result)
  local held = redis.pcall('GET', result)
  return type(held) == 'string' and string.find(held, '{"state":"failed"', 1, true) ~= 1
end

local function put(at, outbox, result)
  local head = redis.call('LINDEX', inbox, 0)
  if not head or redis.sha1hex(head) ~= ARGV[at] then return 'gone' end
  local name, prefix, json, letter = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]

  if name == '' then
    local refused = failed('rpush', redis.pcall('RPUSH', dead, letter))
    if refused then return refused end
    redis.call('LTRIM', dead, -tonumber(ARGV[1]), -1)
    if json ~= '' and not isTaken(result) then redis.call('SET', result, json, 'PX', ARGV[3]) end
    redis.call('LTRIM', inbox, 1, -1)
    return 'refused'
  end

  if json ~= '' and isTaken(result) then
    redis.call('LTRIM', inbox, 1, -1)
    return 'duplicate'
  end
  local refused = failed('rpush', redis.pcall('RPUSH', outbox, prefix .. head))
  if refused then return refused end
  redis.call('LTRIM', inbox, 1, -1)
  redis.call('ZADD', due, 'NX', nowMs, name)
  redis.call('ZADD', heads, 'NX', nowMs, name)
  if json ~= '' then redis.call('SET', result, json, 'PX', ARGV[2]) end
  return 'routed'
end

local results = {}
for at = 4, #ARGV, 5 do
  local key = 6 + (at - 4) / 5 * 2
  local result = put(at, KEYS[key], KEYS[key + 1])
  results[#results + 1] = result
  if string.sub(result, 1, 6) == 'error:' then break end
end
return results
