import type { StatusConfig } from '../../core/config/config.ts';
import { createLog, errorText } from '../../core/process/log.ts';
import { redisFault } from '../../core/redis/fault.ts';
import { connectRedis } from '../../core/redis/ioredis-client.ts';
import { sizeOf } from '../terminal/screen.ts';
import { exitCodeOf } from './health.ts';
import { readFleet } from './read-fleet.ts';
import { renderFleet } from './render.ts';

/** `relax status`. @returns the exit code. @throws Error with one line when Redis can't be asked */
export async function runStatus(config: StatusConfig): Promise<number> {
  // One attempt; the error is printed once, by us.
  const redis = connectRedis(config.redis, 'command', 'status', createLog({ program: 'status', level: 'silent' }));
  let cause: unknown;
  redis.onError((error) => {
    cause = error;
  });
  try {
    await redis.connect();
    const fleet = await readFleet(redis, config);
    const width = process.stdout.isTTY ? sizeOf(process.stdout).columnCount : undefined;
    process.stdout.write(config.output === 'json' ? `${JSON.stringify(fleet, null, 2)}\n` : renderFleet(fleet, width));
    return exitCodeOf(fleet);
  } catch (error) {
    throw new Error(`can't read from Redis (RELAX_REDIS_URL): ${redisFault(error) ?? errorText(cause ?? error)}`, {
      cause: error,
    });
  } finally {
    redis.close();
  }
}
