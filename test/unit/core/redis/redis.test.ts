import { describe, expect, it } from 'vitest';
import { redisErrorText, redisFault } from '#core/redis/fault.ts';
import type { Redis } from '#core/redis/redis.ts';
import { checkRedisVersion } from '#core/redis/version.ts';

const saying = (info: string): Redis => ({ info: async () => info }) as unknown as Redis;

describe('the version of Redis', () => {
  it.each([
    ['redis_version:6.2.0', 'redis 6.2.0'],
    ['redis_version:8.10.2', 'redis 8.10.2'],
    // Valkey says a Redis version too, for old clients.
    ['redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.0', 'valkey 9.1.0'],
  ])('is good enough: %j', async (info, expected) => {
    expect(await checkRedisVersion(saying(`# Server\r\n${info}\r\nos:Linux`))).toBe(expected);
  });

  it.each([
    ['redis_version:6.0.16', 'Redis 6.0.16 is too old'],
    ['redis_version:5.9.9', 'Redis 5.9.9 is too old'],
    ['redis_version:7.2.4\r\nvalkey_version:7.1.0', 'Valkey 7.1.0 is too old'],
    ['nothing of the kind', 'Redis 0.0.0 is too old'],
  ])('is refused with what is needed: %j', async (info, words) => {
    await expect(checkRedisVersion(saying(info))).rejects.toThrow(`${words}: Relax needs Redis 6.2 or Valkey 7.2`);
  });
});

describe('an error of Redis', () => {
  it.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", /maxmemory/],
    ["READONLY You can't write against a read only replica.", /RELAX_REDIS_URL/],
    ['WRONGPASS invalid username-password pair or user is disabled.', /RELAX_REDIS_PASSWORD_FILE/],
    ['NOAUTH Authentication required.', /RELAX_REDIS_USERNAME/],
  ])('names the remedy: %s', (message, words) => {
    expect(redisFault(new Error(message))).toMatch(words);
  });

  it.each([
    ["NOPERM User app has no permissions to run the 'evalsha' command", 'evalsha. Grant it: ACL SETUSER app +evalsha'],
    ["NOPERM this user has no permissions to run the 'config|get' command", 'ACL SETUSER <user> +config|get'],
    ["NOPERM this user has no permissions to run the 'set' command or its subcommand", 'ACL SETUSER <user> +set'],
    ['NOPERM No permissions to access a key', 'ACL SETUSER <user> ~relax:* ~{relax:*'],
    ["NOPERM No permissions to access the 'relax:contract' key", 'ACL SETUSER <user> ~relax:* ~{relax:*'],
    ['NOPERM this user has no permissions to access one of the keys used as arguments', 'ACL SETUSER <user> ~relax:*'],
    [
      'NOPERM this user has no permissions to access one of the channels used as arguments',
      'ACL SETUSER <user> &relax:*',
    ],
    ["ERR The user executing the script can't run this command or subcommand", "can't run this command"],
  ])('for want of a right names the line that grants it: %s', (message, line) => {
    expect(redisFault(new Error(message))).toContain(line);
    expect(redisErrorText(new Error(message))).toContain(line);
  });

  it.each([
    ["Stream isn't writeable and enableOfflineQueue options is false", 'no connection to Redis'],
    [
      'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest"',
      'no connection to Redis',
    ],
    ['Command timed out', 'no answer from Redis within 4 s'],
    ['connect ECONNREFUSED 127.0.0.1:6379', 'connect ECONNREFUSED 127.0.0.1:6379'],
  ])('is told without the client’s options: %s', (message, words) => {
    expect(redisFault(new Error(message))).toBeUndefined();
    expect(redisErrorText(new Error(message))).toBe(words);
  });
});
