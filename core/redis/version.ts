import type { Redis } from './redis.ts';

export class RedisTooOldError extends Error {
  override name = 'RedisTooOldError';
}

/** @throws RedisTooOldError naming what was found and what is needed. */
export async function checkRedisVersion(redis: Redis): Promise<string> {
  const info = await redis.info('server');
  const valkey = /^valkey_version:(\S+)/m.exec(info)?.[1];
  const version = valkey ?? /^redis_version:(\S+)/m.exec(info)?.[1] ?? '0.0.0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [needMajor, needMinor] = valkey === undefined ? [6, 2] : [7, 2];
  if (major < needMajor || (major === needMajor && minor < needMinor)) {
    const product = valkey === undefined ? 'Redis' : 'Valkey';
    throw new RedisTooOldError(`${product} ${version} is too old: Relax needs Redis 6.2 or Valkey 7.2 or later`);
  }
  return `${valkey === undefined ? 'redis' : 'valkey'} ${version}`;
}
