import type { Log } from '../process/log.ts';
import { systemTimers } from '../process/timers.ts';
import { redisErrorText, redisFault } from '../redis/fault.ts';
import type { Redis } from '../redis/redis.ts';
import { restUntilReady } from '../redis/rest-until-ready.ts';
import { EvictingRedisError, judgeServerProperties, readServerProperties } from '../redis/server-properties.ts';
import { checkRedisVersion, RedisTooOldError } from '../redis/version.ts';
import { agreeOnContract, ContractMismatchError, type FleetContract } from './contract.ts';

const RETRY_MS = 100;
/** Connecting takes a moment, which is not worth a log line. */
const FIRST_PATIENCE_MS = 1_000;
/** How often the log says what the program is waiting for. */
const SAY_AGAIN_MS = 5_000;

const FINAL = [RedisTooOldError, EvictingRedisError, ContractMismatchError];

export interface RedisNeeds {
  contract: FleetContract;
  /** `RELAX_ALLOW_EVICTION` */
  allowEviction: string | undefined;
  /** Log settings of Redis that have a cost. One program of a fleet is enough: the one that plans. */
  tellNotes: boolean;
  /** What this program needs from Redis before it begins. */
  ask: () => Promise<unknown>;
  /** Why Redis can't be used yet, for readiness. */
  onWait?: (words: string) => void;
  /** Errors of `ask` that waiting does not fix. */
  isFinal?: (error: unknown) => boolean;
}

/**
 * Waits until Redis answers, the fleet contract is agreed on and `ask` has its answer. It waits for a Redis that is away for
 * as long as it takes: exiting would only make Kubernetes restart the same process.
 * @returns false when `signal` aborts first
 * @throws RedisTooOldError, EvictingRedisError, ContractMismatchError or what `isFinal` names
 */
export async function waitForRedis(
  redis: Redis,
  { contract, allowEviction, tellNotes, ask, onWait, isFinal = () => false }: RedisNeeds,
  log: Log,
  signal: AbortSignal,
): Promise<boolean> {
  let saidAtMs = systemTimers.monotonicMs() - SAY_AGAIN_MS + FIRST_PATIENCE_MS;
  // Without a connection, a command's error only says that there is none; the connection itself knows why.
  let cause: unknown;
  const remember = (error: unknown): void => {
    cause = error;
  };
  const forget = redis.onError(remember);
  try {
    while (!signal.aborted) {
      try {
        const version = await checkRedisVersion(redis);
        const { evicts, notes } = judgeServerProperties(await readServerProperties(redis), allowEviction);
        if (evicts !== undefined) throw new EvictingRedisError(evicts);
        await agreeOnContract(redis, contract);
        await ask();
        log.info({ redis: version }, 'connected to Redis');
        if (tellNotes) for (const note of notes) log.warn({ note }, 'note on the configuration of Redis');
        return true;
      } catch (error) {
        if (FINAL.some((kind) => error instanceof kind) || isFinal(error)) throw error;
        const words = redisFault(error) ?? redisFault(cause) ?? redisErrorText(cause ?? error);
        onWait?.(`Redis has not answered yet: check RELAX_REDIS_URL (${words})`);
        if (systemTimers.monotonicMs() - saidAtMs >= SAY_AGAIN_MS) {
          saidAtMs = systemTimers.monotonicMs();
          log.warn({ error: words }, 'waiting for Redis (RELAX_REDIS_URL)');
        }
      }
      await restUntilReady(redis, systemTimers, RETRY_MS, signal);
    }
    return false;
  } finally {
    forget();
  }
}
