-- Puts a batch of events on the queue or on the list of urgent events, each at most once. A script runs in isolation but is
-- not rolled back, so every write is under pcall and the order is: push, then mark. A failed push thus leaves no mark that
-- would lose the event. Once per batch, before its first push, the commands that follow a push are tried: an event that
-- can't be marked must not be pushed either, or each of its copies would be queued.
--
-- KEYS[1]  queue, a list
-- KEYS[2]  fence, a hash: field -> generation
-- KEYS[3]  list of urgent events; the queue itself when there is none
-- KEYS[4]  steps: how many hashes the marks of each bucket are spread over, a string
-- KEYS[5+] mark hashes, each listed as often as an event names it
-- ARGV[1]  maximum number of items on each list, 0 = no limit
-- ARGV[2]  how many events, from the first, go to the list of urgent events; 0 when there is none
-- ARGV[3]  the steps that the keys of marks follow from
-- then seven for each event:
--   fence field, generation, index in KEYS of its first mark key, number of its mark keys (the middle one, or the first of
--   two, gets the mark, all are looked at), field of the mark (at most 64 bytes), seconds that the mark must live, payload
-- Returns "steps <text>", with nothing done, if the steps are others. Otherwise one string for each event, in order:
--   queued | duplicate | fenced
--   full                          the list that it goes to has no room
--   unmarked:<error>              on its list, but a later copy will be queued again
--   error:<queue, urgent, fence, steps or mark>:<command>:<error>   not queued, not marked; some versions of Redis name no command
local fence, max, urgents = KEYS[2], tonumber(ARGV[1]), tonumber(ARGV[2])

local function failure(reply)
  return type(reply) == 'table' and reply.err
end

local function outcome(what, reply)
  return what .. ':' .. reply.err
end

-- The result for every event that would have been pushed, on whichever list.
local refusal

-- Everybody who sets a mark or looks for one does so by the steps that are here.
local steps = redis.pcall('GET', KEYS[4])
if failure(steps) then
  refusal = outcome('error:steps:get', steps)
elseif not steps then
  local set = redis.pcall('SET', KEYS[4], ARGV[3])
  if failure(set) then refusal = outcome('error:steps:set', set) end
elseif steps ~= ARGV[3] then
  return 'steps ' .. steps
end

-- Nearly always empty, in which case no event needs its own lookup.
local fences = redis.pcall('HLEN', fence)
if failure(fences) then refusal = refusal or outcome('error:fence:hlen', fences) end

-- What one list refuses concerns only the events that go to it.
local function listOf(name, key)
  local list = { name = name, key = key, room = math.huge }
  if max > 0 then
    local length = redis.pcall('LLEN', key)
    if failure(length) then
      list.refusal = outcome('error:' .. name .. ':llen', length)
    else
      list.room = max - length
    end
  end
  return list
end

local renewed = {}
local tried

-- Uses a field that no event has. It is removed only at the end, so that the hash need not be created twice.
local function tryMark(mark, ttl)
  tried = mark
  local set = redis.pcall('HSETNX', mark, '?', '1')
  if failure(set) then return outcome('error:mark:hsetnx', set) end
  local renewal = redis.pcall('EXPIRE', mark, ttl)
  if failure(renewal) then return outcome('error:mark:expire', renewal) end
  renewed[mark] = true
end

local function put(at, list)
  local first = tonumber(ARGV[at + 2])
  local last = first + tonumber(ARGV[at + 3]) - 1
  local field = ARGV[at + 4]

  if refusal then return refusal end
  if list.refusal then return list.refusal end
  if fences ~= 0 then
    local entry = redis.pcall('HGET', fence, ARGV[at])
    if failure(entry) then return outcome('error:fence:hget', entry) end
    entry = entry and tonumber(entry)
    if entry and tonumber(ARGV[at + 1]) <= entry then return 'fenced' end
  end

  for k = first, last do
    local seen = redis.pcall('HEXISTS', KEYS[k], field)
    if failure(seen) then return outcome('error:mark:hexists', seen) end
    if seen == 1 then return 'duplicate' end
  end

  if list.room <= 0 then return 'full' end
  local mark = KEYS[first + math.floor((last - first) / 2)]
  if not tried then
    refusal = tryMark(mark, ARGV[at + 5])
    if refusal then return refusal end
  end
  local pushed = redis.pcall('RPUSH', list.key, ARGV[at + 6])
  if failure(pushed) then return outcome('error:' .. list.name .. ':rpush', pushed) end
  list.room = list.room - 1

  local marked = redis.pcall('HSETNX', mark, field, '1')
  if failure(marked) then return outcome('unmarked', marked) end
  if not renewed[mark] then
    local renewal = redis.pcall('EXPIRE', mark, ARGV[at + 5])
    if failure(renewal) then return outcome('unmarked', renewal) end
    renewed[mark] = true
  end
  return 'queued'
end

local results = {}
local function putAll(from, to, name, key)
  if from > to then return end
  local list = listOf(name, key)
  for at = from, to, 7 do
    results[#results + 1] = put(at, list)
  end
end

putAll(4, urgents * 7 + 3, 'urgent', KEYS[3])
putAll(urgents * 7 + 4, #ARGV, 'queue', KEYS[1])
if tried then redis.pcall('HDEL', tried, '?') end
return results
