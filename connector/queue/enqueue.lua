-- Puts a batch of events on the queue, each at most once. A script runs alone but is not rolled back, so every write is
-- under pcall and comes in this order: push, then mark. A failed push leaves no mark that would lose the event.
--
-- KEYS[1]  queue, a list
-- KEYS[2]  fence, a hash: field -> generation
-- KEYS[3+] mark hashes, each listed as often as an event names it
-- ARGV[1]  most items that the queue may hold, 0 = no bound
-- then seven for each event:
--   fence field, generation, index in KEYS of its first mark key, number of its mark keys (the middle one gets the
--   mark, all are looked at), field of the mark (at most 64 bytes), seconds that the mark must live, payload
-- Returns one string for each event, in order:
--   queued | duplicate | fenced | full
--   unmarked:<error>              on the queue, but a later copy will be queued again
--   error:<queue, fence or mark>:<error>   not on the queue, not marked
local queue, fence, max = KEYS[1], KEYS[2], tonumber(ARGV[1])

local function failure(reply)
  return type(reply) == 'table' and reply.err
end

local function outcome(what, reply)
  return what .. ':' .. reply.err
end

-- Nearly always empty, and then no event needs a look of its own.
local fences = redis.pcall('HLEN', fence)

local room = math.huge
if max > 0 then
  local length = redis.pcall('LLEN', queue)
  -- A key of another type: the push says so for each event.
  if not failure(length) then room = max - length end
end

local renewed = {}

local function put(at)
  local first = tonumber(ARGV[at + 2])
  local last = first + tonumber(ARGV[at + 3]) - 1
  local field = ARGV[at + 4]

  if fences ~= 0 then
    local entry = redis.pcall('HGET', fence, ARGV[at])
    if failure(entry) then return outcome('error:fence', entry) end
    entry = entry and tonumber(entry)
    if entry and tonumber(ARGV[at + 1]) <= entry then return 'fenced' end
  end

  for k = first, last do
    local seen = redis.pcall('HEXISTS', KEYS[k], field)
    if failure(seen) then return outcome('error:mark', seen) end
    if seen == 1 then return 'duplicate' end
  end

  if room <= 0 then return 'full' end
  local pushed = redis.pcall('RPUSH', queue, ARGV[at + 6])
  if failure(pushed) then return outcome('error:queue', pushed) end
  room = room - 1

  local mark = KEYS[first + math.floor((last - first) / 2)]
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
for at = 2, #ARGV, 7 do
  results[#results + 1] = put(at)
end
return results
