-- Agrees on the fleet contract: the first program writes it, later ones read it.
-- KEYS[1] contract, a hash    ARGV field, value, field, value ...
-- Returns HGETALL of the hash afterwards. A field that is already there keeps its value.
for i = 1, #ARGV, 2 do
  redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1])
end
return redis.call('HGETALL', KEYS[1])
