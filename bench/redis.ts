import { createLog } from '../core/process/log.ts';
import { IoredisClient } from '../core/redis/ioredis-client.ts';

/** A bench's own connection to the Redis that it has started, connected. */
export async function benchRedis(url: string): Promise<IoredisClient> {
  const settings = { url, username: undefined, passwordFile: undefined, caFile: undefined };
  const redis = new IoredisClient(settings, 'command', 'bench', createLog({ program: 'bench', level: 'silent' }));
  await redis.connect();
  return redis;
}
