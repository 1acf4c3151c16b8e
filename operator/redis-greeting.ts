import { agreeOnContract, ContractMismatchError, type FleetContract } from '../core/contract.ts';
import { errorText, type Log } from '../core/log.ts';
import { checkRedisVersion, type Redis, RedisTooOldError, redisFault } from '../core/redis.ts';
import { sleep, systemTimers } from '../core/timers.ts';
import { ScopeOwnedError } from './fleet/scope-owner.ts';

const RETRY_MS = 250;
const SAY_AGAIN_MS = 5_000;

/**
 * Waits until Redis answers, is new enough, and the fleet agrees with us; then `claim`.
 * @returns false when `signal` aborts first
 * @throws RedisTooOldError, ContractMismatchError or ScopeOwnedError, which no waiting mends
 */
export async function greetRedis(
  redis: Redis,
  contract: FleetContract,
  claim: () => Promise<void>,
  log: Log,
  signal: AbortSignal,
): Promise<boolean> {
  // Connecting takes a moment, which is no news.
  let sayAtMs = performance.now() + 1_000;
  while (!signal.aborted) {
    try {
      const version = await checkRedisVersion(redis);
      await agreeOnContract(redis, contract);
      await claim();
      log.info({ redis: version }, 'connected to Redis');
      return true;
    } catch (error) {
      if (isFinal(error)) throw error;
      if (performance.now() >= sayAtMs) {
        sayAtMs = performance.now() + SAY_AGAIN_MS;
        log.warn({ error: redisFault(error) ?? errorText(error) }, 'waiting for Redis (RELAX_REDIS_URL)');
      }
    }
    await sleep(systemTimers, RETRY_MS, signal);
  }
  return false;
}

const isFinal = (error: unknown): boolean =>
  error instanceof RedisTooOldError || error instanceof ContractMismatchError || error instanceof ScopeOwnedError;
