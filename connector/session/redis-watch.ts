import type { Clock } from '../../core/process/clock.ts';
import { errorText, type Log } from '../../core/process/log.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { judgeServerProperties, readServerProperties } from '../../core/redis/server-properties.ts';

/** A running Redis may be reconfigured, and a failover may replace it. */
const EVERY_MS = 10_000;

/** Reports when a Redis that was acceptable at start no longer is: it may evict keys, or has become a replica. */
export class RedisWatch {
  readonly #redis: Redis;
  readonly #allowed: string | undefined;
  readonly #clock: Clock;
  readonly #log: Log;
  #faults: readonly string[] = [];
  #askedAtMs = Number.NEGATIVE_INFINITY;

  /** @param allowed `RELAX_ALLOW_EVICTION` */
  constructor(redis: Redis, allowed: string | undefined, clock: Clock, log: Log) {
    this.#redis = redis;
    this.#allowed = allowed;
    this.#clock = clock;
    this.#log = log;
  }

  /** Readiness reasons. Nothing stops for them, since events would not be safer waiting here. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  /** Called with each renewal. Never rejects; asks now and then only. */
  async check(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#askedAtMs < EVERY_MS) return;
    this.#askedAtMs = nowMs;
    try {
      const { evicts, replica } = judgeServerProperties(await readServerProperties(this.#redis), this.#allowed);
      this.#notice([evicts, replica].filter((fault) => fault !== undefined));
    } catch (error) {
      this.#log.debug({ error: errorText(error) }, 'could not check the configuration of Redis');
    }
  }

  #notice(faults: readonly string[]): void {
    for (const fault of faults)
      if (!this.#faults.includes(fault)) this.#log.error({ fault }, 'Redis configuration is not acceptable');
    if (faults.length === 0 && this.#faults.length > 0) this.#log.info('Redis configuration is acceptable again');
    this.#faults = faults;
  }
}
