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
local KEYS, ARGV, pcall, byte, sub = KEYS, ARGV, redis.pcall, string.byte, string.sub
local fence, max, urgents, renewal, places = KEYS[2], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local WIDTH, PAYLOADS = 31, 5
local count = #places / WIDTH

local function failure(reply)
  return type(reply) == 'table' and reply.err
end

-- Of every event that would have been pushed, on whichever list.
local refusal

-- Whoever looks for a mark or sets one does so by the steps that are here. Where there are none, these are as good as any.
local steps = pcall('GET', KEYS[4])
if failure(steps) then
  refusal = 'steps:get:' .. steps.err
elseif not steps then
  local set = pcall('SET', KEYS[4], ARGV[5])
  if failure(set) then refusal = 'steps:set:' .. set.err end
elseif steps ~= ARGV[5] then
  return 'steps ' .. steps
end

-- Nearly always empty, in which case no event needs a look.
local fences = pcall('HLEN', fence)
if failure(fences) then
  refusal = refusal or 'fence:hlen:' .. fences.err
elseif fences > 0 then
  if #ARGV == PAYLOADS + count then return 'fences' end
  fences = pcall('HMGET', fence, unpack(ARGV, PAYLOADS + count + 1, PAYLOADS + 2 * count))
  if failure(fences) then refusal = refusal or 'fence:hmget:' .. fences.err end
else
  fences = nil
end

local time = pcall('TIME')
if failure(time) then refusal = refusal or 'mark:time:' .. time.err end
local now = tonumber(time[1])

local results, words = {}, {}
local function fail(event, what)
  results[event], words[event] = 'e', what
end

-- Of those that are pushed: the hash that gets the mark, the field, and the other way round the last event with that field;
-- with the same field but a mark that it did not find, the one before.
local markOf, fieldOf, eventOf, earlier = {}, {}, {}, {}
-- Event -> the one before it in this batch that it is a copy of.
local copyOf = {}

local function isFenced(event)
  local entry = fences[event] and tonumber(fences[event])
  return entry and tonumber(ARGV[PAYLOADS + 2 * count + event]) <= entry
end

-- Looks at what an event's other keys hold: 1 or Redis's error.
local function elsewhere(from, to, mark, field)
  for k = from, to do
    if KEYS[k] ~= mark then
      local seen = pcall('HEXISTS', KEYS[k], field)
      if seen ~= 0 then return seen end
    end
  end
end

-- Another type under a key of marks concerns this event. Anything else may pass, and no later event may overtake this one.
local function unseen(event, command, reply)
  fail(event, 'mark:' .. command .. ':' .. reply.err)
  if not string.find(reply.err, 'WRONGTYPE', 1, true) then refusal = words[event] end
end

-- The event of this batch that this one is a copy of: its mark will be where this one looks.
local function original(field, from, to)
  local before = eventOf[field]
  while before do
    for k = from, to do
      if KEYS[k] == markOf[before] then return before end
    end
    before = earlier[before]
  end
end

-- Before the push: the hash takes marks, and outlives those that are about to be set.
local tried = false
local function prepare(mark, at, renewAt)
  if renewAt and tonumber(renewAt) > now then
    if tried then return end
    local set = pcall('HSET', mark, '?', renewAt)
    if failure(set) then return 'mark:hset:' .. set.err end
  else
    local set = pcall('HSET', mark, '?', now + renewal)
    if failure(set) then return 'mark:hset:' .. set.err end
    local renewed = pcall('EXPIRE', mark, tonumber(sub(places, at + 2, at + 9)))
    if failure(renewed) then
      pcall('HSET', mark, '?', '0')
      return 'mark:expire:' .. renewed.err
    end
  end
  tried = true
end

-- What one list refuses concerns only the events that go to it.
local function listOf(name, key)
  local list = { name = name, key = key, room = math.huge, events = {}, payloads = {} }
  if max > 0 then
    local length = pcall('LLEN', key)
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
  local events, payloads, room, pushes = list.events, list.payloads, list.room, 0
  for event = from, to do
    local at = (event - 1) * WIDTH
    local last = key + byte(places, at + 1) - 49
    if refusal or list.refusal then
      fail(event, refusal or list.refusal)
    elseif fences and isFenced(event) then
      results[event] = 'x'
    else
      local field = sub(places, at + 10, at + WIDTH)
      local mark = KEYS[last - key == 2 and key + 1 or key]
      local seen = pcall('HMGET', mark, field, '?')
      local before = original(field, key, last)
      local other = last > key and not seen.err and not seen[1] and elsewhere(key, last, mark, field)
      if seen.err then
        unseen(event, 'hmget', seen)
      elseif failure(other) then
        unseen(event, 'hexists', other)
      elseif seen[1] or other then
        results[event] = 'd'
      elseif before then
        copyOf[event] = before
      elseif pushes >= room then
        results[event] = 'f'
      else
        refusal = prepare(mark, at, seen[2])
        if refusal then
          fail(event, refusal)
        else
          pushes = pushes + 1
          events[pushes], payloads[pushes] = event, ARGV[PAYLOADS + event]
          markOf[event], fieldOf[event] = mark, field
          earlier[event], eventOf[field] = eventOf[field], event
        end
      end
    end
    key = last + 1
  end
end

local function pushAll(list)
  local events, payloads = list.events, list.payloads
  if #events == 0 then return end
  -- All of them or none, so that none overtakes another.
  local pushed = pcall('RPUSH', list.key, unpack(payloads))
  for _, event in ipairs(events) do
    if failure(pushed) then
      fail(event, list.name .. ':rpush:' .. pushed.err)
    else
      local marked = pcall('HSET', markOf[event], fieldOf[event], '1')
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
  local isOnList = results[before] == 'q' or results[before] == 'u'
  results[event] = isOnList and 'd' or results[before]
  words[event] = not isOnList and words[before] or nil
end

local answer = table.concat(results)
if not next(words) then return answer end
answer = { answer }
for event = 1, count do
  if words[event] then answer[#answer + 1] = words[event] end
end
return answer
