-- KEYS[1] hash of a rotating token; ARGV[1] field of a SlackBot that is gone; ARGV[2] prefix of all such fields; ARGV[3] ms to keep
-- a pair that no SlackBot uses. Returns how many SlackBots still use it.
redis.call('HDEL', KEYS[1], ARGV[1])
local others = 0
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, #ARGV[2]) == ARGV[2] then others = others + 1 end
end
if others == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return others
