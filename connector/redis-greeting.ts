import { setTimeout as sleep } from 'node:timers/promises';
import { agreeOnContract, ContractMismatchError, type FleetContract } from '../core/contract.ts';
import { errorText, type Log } from '../core/log.ts';
import { checkRedisVersion, type Redis, RedisTooOldError, redisFault } from '../core/redis.ts';
import type { RedisClock } from './queue/redis-clock.ts';

const RETRY_MS = 500;
/** A person who looks at the log sees within this time what is waited for. */
const SAY_AGAIN_MS = 5_000;

/**
 * Waits until Redis answers and the fleet's contract is agreed on. A Redis that is away is waited for, however long: an
 * exit would only make Kubernetes start the same process again.
 * @returns false when `signal` aborts first
 * @throws RedisTooOldError or ContractMismatchError, which no waiting mends
 */
export async function greetRedis(
  redis: Redis,
  contract: FleetContract,
  redisClock: RedisClock,
  log: Log,
  signal: AbortSignal,
): Promise<boolean> {
  let saidAtMs = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    try {
      const version = await checkRedisVersion(redis);
      await agreeOnContract(redis, contract);
      await redisClock.sync(redis);
      log.info({ redis: version }, 'connected to Redis');
      return true;
    } catch (error) {
      if (error instanceof RedisTooOldError || error instanceof ContractMismatchError) throw error;
      if (performance.now() - saidAtMs >= SAY_AGAIN_MS) {
        saidAtMs = performance.now();
        log.warn({ error: redisFault(error) ?? errorText(error) }, 'waiting for Redis (RELAX_REDIS_URL)');
      }
    }
    await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
  return false;
}
