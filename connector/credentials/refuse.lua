-- Writes records of refused tokens. A record that Slack's own word has made final stays when an answer to a message comes later
-- that is not: it is about the same token, and would have the bot dial again.
-- KEYS[1] hash of records
-- ARGV[1] version afterwards, ARGV[2] JSON list of the errors that are final, then pairs of owner and record
local final = {}
for _, err in ipairs(cjson.decode(ARGV[2])) do final[err] = true end
for i = 3, #ARGV, 2 do
  local stored = redis.call('HGET', KEYS[1], ARGV[i])
  local isRead, before = pcall(cjson.decode, stored or '')
  local record = cjson.decode(ARGV[i + 1])
  local stays = isRead and type(before) == 'table' and final[before.error] and not final[record.error]
    and before.tokenDigest == record.tokenDigest and record.generation <= before.generation
  if not stays then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
redis.call('HSET', KEYS[1], '@version', ARGV[1])
return 1
