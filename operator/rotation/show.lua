-- KEYS[1] hash of a rotating token; ARGV[1] field of a SlackBot, ARGV[2] digest of the refresh token that its Secret shows.
-- Without a pair there is nothing to keep. One that is used does not expire. Returns 1 if it was noted.
if redis.call('HEXISTS', KEYS[1], 'pair') == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PERSIST', KEYS[1])
return 1
