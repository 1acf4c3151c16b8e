-- A bucket of one app over Socket Mode, with the places of its sockets (ADR 0016). After connect-bucket.lua.
-- KEYS[1] adds: opening, openingMs (whose connect is under way, and until when the others wait for it at most), turn<n> and
--         turn<n>Ms for n = 1 to 3 (who of that rank was refused first and is next, until when), unknown and unknownMs (how
--         many sockets Slack counted beyond those that Relax knows, until when that is believed)
-- KEYS[2] the places, a sorted set: <cluster>/<slot> -> until when the slot counts
-- ARGV[5] who asks: <process>/<place>  ARGV[7] its place  ARGV[8] places of an app  ARGV[9] ms for which an attempt counts
-- ARGV[10] ms for which an attempt keeps the others waiting  ARGV[11] ms after which one that waits for its turn asks again
-- ARGV[12] ms after which one without a place asks again  ARGV[13] live: sockets that Slack counts, or empty
-- ARGV[14] ms for which that is believed
-- Returns { 1, 0, 0, 0 } if the connect may be made, else { 0, ms to wait, 1 if another slot goes first, 1 if all places are
-- taken }; of live the number of sockets that Relax knows; of anyLive 1 or 0.
local place, mostPlaces = ARGV[7], tonumber(ARGV[8])
local attemptMs, openingForMs = tonumber(ARGV[9]), tonumber(ARGV[10])
local turnMs, fullMs = tonumber(ARGV[11]), tonumber(ARGV[12])
local slackCounts, unknownForMs = tonumber(ARGV[13]), tonumber(ARGV[14])

-- A time further ahead than it can have been set is of a clock that was ahead of this one.
local function isAhead(untilMs, mostMs) return untilMs > nowMs and untilMs <= nowMs + mostMs end

local places, others = {}, 0
local entries = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
for at = 1, #entries, 2 do
  local name, untilMs = entries[at], tonumber(entries[at + 1])
  if untilMs <= nowMs then
    redis.call('ZREM', KEYS[2], name)
  else
    places[name] = math.min(untilMs, nowMs + liveForMs)
    if places[name] < untilMs then redis.call('ZADD', KEYS[2], places[name], name) end
    if name ~= place then others = others + 1 end
  end
end

local function keepPlace(untilMs)
  places[place] = untilMs
  redis.call('ZADD', KEYS[2], untilMs, place)
end

local function leavePlace()
  places[place] = nil
  redis.call('ZREM', KEYS[2], place)
end

-- Whether a process, this or another, asks for this place.
local function isOfPlace(who) return string.sub(who, -#place - 1) == '/' .. place end

-- Until when a socket of this slot in another process counts as live: during a handover, or after that process was killed.
local function liveElsewhereMs()
  local lastMs = 0
  for who, untilMs in pairs(liveMs) do
    if who ~= asker and isOfPlace(who) then lastMs = math.max(lastMs, untilMs) end
  end
  return lastMs
end

local opening, openingMs = held.opening or '', tonumber(held.openingMs or 0)
if not isAhead(openingMs, openingForMs) then opening, openingMs = '', 0 end
local function endOpening() opening, openingMs = '', 0 end

local unknown, unknownMs = tonumber(held.unknown or 0), tonumber(held.unknownMs or 0)
if not isAhead(unknownMs, unknownForMs) then unknown, unknownMs = 0, 0 end

-- More than anybody who is refused has to wait.
local longestMs = math.max(0, blockedMs - nowMs) + capacity * refillMs + openingForMs
local turns = {}
for rank = 1, 3 do
  local who, untilMs = held['turn' .. rank] or '', tonumber(held['turn' .. rank .. 'Ms'] or 0)
  local waits = who ~= asker and isAhead(untilMs, longestMs)
  turns[rank] = waits and { who = who, untilMs = untilMs } or { who = '', untilMs = 0 }
end

local granted, waitMs, yields, full = 0, 0, 0, 0
if purpose == 'block' then
  block()
  endOpening()
elseif purpose == 'hold' then
  hold()
  endOpening()
elseif purpose == 'giveBack' then
  giveBack()
  if opening == asker then endOpening() end
elseif purpose == 'release' then
  unmarkLive()
  if opening == asker then endOpening() end
  local elsewhereMs = liveElsewhereMs()
  if isOfPlace(opening) then elsewhereMs = math.max(elsewhereMs, openingMs) end
  if elsewhereMs == 0 then leavePlace() elseif places[place] then keepPlace(math.min(places[place], elsewhereMs)) end
elseif purpose == 'live' then
  -- Until the earlier socket of the slot is closed, Slack counts it as well.
  local sockets = liveMs[asker] and 1 or 0
  markLive()
  keepPlace(nowMs + forMs)
  if opening == asker then endOpening() end
  if slackCounts then
    for _ in pairs(liveMs) do sockets = sockets + 1 end
    unknown, unknownMs = math.max(0, slackCounts - sockets), nowMs + unknownForMs
  end
else
  if opening == asker then endOpening() end
  local hasSocket = purpose ~= 'needed' and purpose ~= 'recheck'
  if not hasSocket then unmarkLive() end
  local dark = lastLiveMs() == 0
  -- With a live socket the app misses nothing, so the one that Slack is about to close comes first, and one call is left for
  -- it.
  local rank, whole = 4, 2
  if purpose == 'refresh' then
    rank, whole = 2, 1
  elseif purpose == 'needed' then
    rank, whole = dark and 1 or 3, dark and 1 or 2
  elseif purpose == 'rebalance' then
    whole = capacity
  end
  if sparing then whole = math.max(whole, 2) end

  local nextMs = 0
  for before = 1, math.min(rank, 3) do nextMs = math.max(nextMs, turns[before].untilMs) end
  -- A live socket has Slack's place even if Redis has lost ours.
  if not hasSocket and not places[place] and others + (dark and 0 or unknown) >= mostPlaces then
    waitMs, full = fullMs, 1
  elseif blockedMs > nowMs then
    waitMs = blockedMs - nowMs
  elseif opening ~= '' then
    waitMs, yields = math.min(openingMs - nowMs, turnMs), 1
  elseif not has(whole) then
    waitMs = missingMs(whole)
    -- One is left, which is reserved for a real need.
    if sparing and has(whole - 1) then yields = 1 end
  elseif nextMs > nowMs then
    waitMs, yields = math.min(nextMs - nowMs, turnMs), 1
  else
    granted = 1
    take()
    opening, openingMs = asker, nowMs + openingForMs
    -- A slot that has lost its socket keeps its place no longer than its attempt may take.
    local untilMs = nowMs + attemptMs
    local stays = hasSocket or liveElsewhereMs() > 0
    keepPlace(stays and math.max(untilMs, places[place] or 0) or untilMs)
  end
  -- A probe asks again only when its process probes again.
  if granted == 0 and full == 0 and not sparing and rank <= 3 and turns[rank].who == '' then
    turns[rank] = { who = asker, untilMs = nowMs + (yields == 1 and 0 or waitMs) + forMs }
  end
end

redis.call('HSET', KEYS[1], 'opening', opening, 'openingMs', openingMs, 'unknown', unknown, 'unknownMs', unknownMs)
local lastMs = math.max(openingMs, unknownMs)
for rank, turn in ipairs(turns) do
  redis.call('HSET', KEYS[1], 'turn' .. rank, turn.who, 'turn' .. rank .. 'Ms', turn.untilMs)
  lastMs = math.max(lastMs, turn.untilMs)
end
save(lastMs)

local taken, placesMs = 0, 0
for _, untilMs in pairs(places) do taken, placesMs = taken + 1, math.max(placesMs, untilMs) end
if taken > 0 then redis.call('PEXPIRE', KEYS[2], placesMs - nowMs + 1000) end
if purpose ~= 'live' then return { granted, math.ceil(waitMs), yields, full } end

-- A place has one socket or an attempt, and two sockets while two processes run its slot.
local known, met = taken, {}
for who in pairs(liveMs) do
  local itsPlace = string.match(who, '^[^/]*/(.*)$')
  if met[itsPlace] then known = known + 1 end
  met[itsPlace] = true
end
return known
