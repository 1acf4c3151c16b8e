-- Moves commands to the inbox, in their order, and returns the first ones there. Nothing else is done to them, so this may
-- end or be repeated anywhere.
-- KEYS[1] list of commands  KEYS[2] inbox
-- ARGV[1] most commands  ARGV[2] most bytes of all that are returned  ARGV[3] bytes of the longest that is returned whole
-- ARGV[4] bytes that are returned of a longer one
-- Returns Redis time in ms, then three for each: SHA-1 of its bytes in hex, their number, the text or its beginning
local most, mostBytes, longest, beginning = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')

for _ = redis.call('LLEN', KEYS[2]) + 1, most do
  -- What Redis refuses now is said by the read that waits for commands. What is in the inbox can go on.
  if type(redis.pcall('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT')) ~= 'string' then break end
end

local reply, bytes = { time[1] * 1000 + math.floor(time[2] / 1000) }, 0
for _, item in ipairs(redis.call('LRANGE', KEYS[2], 0, most - 1)) do
  local text = #item > longest and string.sub(item, 1, beginning) or item
  bytes = bytes + #text
  if #reply > 1 and bytes > mostBytes then break end
  reply[#reply + 1] = redis.sha1hex(item)
  reply[#reply + 1] = #item
  reply[#reply + 1] = text
end
return reply
