-- When the sockets of each stream last brought an event that all of them get (ADR 0022).
-- KEYS[1], KEYS[2] hashes of this minute and of the one before: stream -> Redis time (ms)
-- ARGV[1] Redis time by the caller's clock  ARGV[2] how far that may be off  ARGV[3] TTL of a hash, ms
-- ARGV[4] how many streams are told of  then those, each followed by its time  then the streams that are asked for
-- Returns { Redis time, 1, the time of each that was asked for (0: none) }; or { Redis time, 0 } if the caller's clock is off
-- or the call was long on its way: its times can't be trusted, so that nothing is told or answered.
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
if math.abs(nowMs - tonumber(ARGV[1])) > tonumber(ARGV[2]) then return { nowMs, 0 } end

local told = tonumber(ARGV[4])
if told > 0 then
  local streams = {}
  for n = 1, told do streams[n] = ARGV[3 + 2 * n] end
  local held = redis.call('HMGET', KEYS[1], unpack(streams))
  local newer = {}
  for n = 1, told do
    local atMs = ARGV[4 + 2 * n]
    if tonumber(held[n] or 0) < tonumber(atMs) then
      newer[#newer + 1] = streams[n]
      newer[#newer + 1] = atMs
    end
  end
  if #newer > 0 then
    redis.call('HSET', KEYS[1], unpack(newer))
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
  end
end

local reply = { nowMs, 1 }
local asked = {}
for n = 5 + 2 * told, #ARGV do asked[#asked + 1] = ARGV[n] end
if #asked > 0 then
  local now = redis.call('HMGET', KEYS[1], unpack(asked))
  local before = redis.call('HMGET', KEYS[2], unpack(asked))
  for n = 1, #asked do reply[2 + n] = math.max(tonumber(now[n] or 0), tonumber(before[n] or 0)) end
end
return reply
