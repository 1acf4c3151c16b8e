import { describe, expect, it } from 'vitest';
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
