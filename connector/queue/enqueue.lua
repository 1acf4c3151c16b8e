-- Puts a batch of events on the queue or on the list of urgent events, each at most once. A script runs in isolation but is
-- not rolled back, so every write is under pcall and the order is: look at all, push, then mark. A failed push thus leaves no
-- mark that would lose the event. What follows the push is tried before it: an event that can't be marked must not be
-- pushed either, or each of its copies would be queued.
--
-- KEYS[1]  queue, a list
-- KEYS[2]  fence, a hash: field -> generation
-- KEYS[3]  list of urgent events; the queue itself when there is none
-- KEYS[4]  steps: how many hashes the marks of each bucket are spread over, a string (core/protocol/dedupe-steps.ts)
-- KEYS[5+] mark hashes, of each event in order. The middle one of three or the first of two gets the mark, all are looked at
-- ARGV[1]  maximum number of items on each list, 0 = no limit
-- ARGV[2]  how many events, from the first, go to the list of urgent events; 0 when there is none
-- ARGV[3]  seconds for which a mark hash need not be renewed again
-- ARGV[4]  31 characters for each event: number of its mark keys, seconds that the mark must live (8 digits), field of the mark
-- ARGV[5]  the steps by which the client has chosen the mark hashes
-- ARGV[6+] payload of each event; then, if the client knows that there are fences, the fence field of each; then the
--          generation of each
--
-- A mark hash has one field more, "?": Redis time (seconds) from which on a mark is preceded by a renewal of the hash.
--
-- Returns "steps <text>", with nothing done, if the steps are others by now, and "fences", with nothing done, if there are
-- fences and the arguments don't say of whom the events are. Otherwise one character for each event, in order:
--   q  queued
--   d  duplicate
--   x  fenced
--   f  the list that it goes to is full
--   u  unmarked: on its list, but a later copy will be queued again
--   e  not queued, not marked
-- With a u or an e it is an array: those characters, then for each u "<error>" and for each e
-- "<queue, urgent, fence, steps or mark>:<command>:<error>"; some versions of Redis name no command in their errors.
local fence, max, urgents, renewal, places = KEYS[2], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local WIDTH, PAYLOADS = 31, 5
local count = #places / WIDTH

local function failure(reply)
  return type(reply) == 'table' and reply.err
end

-- Of every event that would have been pushed, on whichever list.
local refusal

-- Whoever looks for a mark or sets one does so by the steps that are here. Where there are none, these are as good as any.
local steps = redis.pcall('GET', KEYS[4])
if failure(steps) then
  refusal = 'steps:get:' .. steps.err
elseif not steps then
  local set = redis.pcall('SET', KEYS[4], ARGV[5])
  if failure(set) then refusal = 'steps:set:' .. set.err end
elseif steps ~= ARGV[5] then
  return 'steps ' .. steps
end

-- Nearly always empty, in which case no event needs a look.
local fences = redis.pcall('HLEN', fence)
if failure(fences) then
  refusal = refusal or 'fence:hlen:' .. fences.err
elseif fences > 0 then
  if #ARGV == PAYLOADS + count then return 'fences' end
  fences = redis.pcall('HMGET', fence, unpack(ARGV, PAYLOADS + count + 1, PAYLOADS + 2 * count))
  if failure(fences) then refusal = refusal or 'fence:hmget:' .. fences.err end
else
  fences = nil
end

local time = redis.pcall('TIME')
if failure(time) then refusal = refusal or 'mark:time:' .. time.err end
local now = tonumber(time[1])

local results, words = {}, {}
local function fail(event, what)
  results[event], words[event] = 'e', what
end

-- Field -> the event that gets that mark, and where.
local first = {}
-- Event -> its mark hash, for those that are pushed; or the event before it that it is a copy of.
local markOf, copyOf = {}, {}
local tried = false

-- Before the push: the hash outlives the marks that are about to be set, and it takes them.
local function prepare(mark, at, renewAt)
  if renewAt and renewAt > now then
    if tried then return end
    local set = redis.pcall('HSET', mark, '?', renewAt)
    if failure(set) then return 'mark:hset:' .. set.err end
  else
    local set = redis.pcall('HSET', mark, '?', now + renewal)
    if failure(set) then return 'mark:hset:' .. set.err end
    local renewed = redis.pcall('EXPIRE', mark, tonumber(string.sub(places, at + 2, at + 9)))
    if failure(renewed) then
      redis.pcall('HSET', mark, '?', '0')
      return 'mark:expire:' .. renewed.err
    end
  end
  tried = true
end

-- Another type under a key of marks concerns this event. Anything else may pass, and no later event may overtake this one.
local function unseen(event, command, reply)
  fail(event, 'mark:' .. command .. ':' .. reply.err)
  if not string.find(reply.err, 'WRONGTYPE', 1, true) then refusal = words[event] end
end

local function look(event, key, keys, list)
  if refusal then return fail(event, refusal) end
  if list.refusal then return fail(event, list.refusal) end
  local fenced = fences and fences[event] and tonumber(fences[event])
  if fenced and tonumber(ARGV[PAYLOADS + 2 * count + event]) <= fenced then
    results[event] = 'x'
    return
  end

  local at = (event - 1) * WIDTH
  local field = string.sub(places, at + 10, at + WIDTH)
  local mark = KEYS[key + math.floor((keys - 1) / 2)]
  local seen = redis.pcall('HMGET', mark, field, '?')
  if failure(seen) then return unseen(event, 'hmget', seen) end
  if seen[1] then
    results[event] = 'd'
    return
  end
  local before = first[field]
  for k = key, key + keys - 1 do
    if before and KEYS[k] == markOf[before] then
      copyOf[event] = before
      return
    end
    if KEYS[k] ~= mark then
      local other = redis.pcall('HEXISTS', KEYS[k], field)
      if failure(other) then return unseen(event, 'hexists', other) end
      if other == 1 then
        results[event] = 'd'
        return
      end
    end
  end

  if list.room <= 0 then
    results[event] = 'f'
    return
  end
  refusal = prepare(mark, at, seen[2] and tonumber(seen[2]))
  if refusal then return fail(event, refusal) end
  first[field], markOf[event] = event, mark
  list.room = list.room - 1
  list.events[#list.events + 1] = event
  list.payloads[#list.payloads + 1] = ARGV[PAYLOADS + event]
end

-- What one list refuses concerns only the events that go to it.
local function listOf(name, key)
  local list = { name = name, key = key, room = math.huge, events = {}, payloads = {} }
  if max > 0 then
    local length = redis.pcall('LLEN', key)
    if failure(length) then
      list.refusal = name .. ':llen:' .. length.err
    else
      list.room = max - length
    end
  end
  return list
end

local key = 5
local function lookAll(from, to, list)
  for event = from, to do
    local keys = string.byte(places, (event - 1) * WIDTH + 1) - 48
    look(event, key, keys, list)
    key = key + keys
  end
end

local function pushAll(list)
  if #list.events == 0 then return end
  -- All of them or none, so that none overtakes another.
  local pushed = redis.pcall('RPUSH', list.key, unpack(list.payloads))
  for _, event in ipairs(list.events) do
    if failure(pushed) then
      fail(event, list.name .. ':rpush:' .. pushed.err)
    else
      local at = (event - 1) * WIDTH
      local marked = redis.pcall('HSET', markOf[event], string.sub(places, at + 10, at + WIDTH), '1')
      if failure(marked) then
        results[event], words[event] = 'u', marked.err
      else
        results[event] = 'q'
      end
    end
  end
end

local lists = {}
if urgents > 0 then
  lists[1] = listOf('urgent', KEYS[3])
  lookAll(1, urgents, lists[1])
end
if urgents < count then
  lists[#lists + 1] = listOf('queue', KEYS[1])
  lookAll(urgents + 1, count, lists[#lists])
end
for _, list in ipairs(lists) do pushAll(list) end

-- A copy of an event of this batch waits with it if that was not pushed.
for event, before in pairs(copyOf) do
  local onList = results[before] == 'q' or results[before] == 'u'
  results[event], words[event] = onList and 'd' or results[before], not onList and words[before] or nil
end

local answer = table.concat(results)
if not next(words) then return answer end
answer = { answer }
for event = 1, count do
  if words[event] then answer[#answer + 1] = words[event] end
end
return answer
