import type { Clock } from '../process/clock.ts';
import type { Redis } from './redis.ts';

/** Redis time in ms, of the answer to TIME. */
export const redisMsOf = ([seconds, micros]: readonly (string | number)[]): number =>
  Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);

/**
 * Redis time without asking Redis for every event: the one clock that all connectors of all clusters share. Errors of
 * seconds do no harm, since marks of events without a timestamp are also looked for in the neighboring buckets.
 */
export class RedisClock {
  readonly #clock: Clock;
  #offsetMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Until the first answer of Redis, this machine's wall clock. */
  nowMs(): number {
    return this.#offsetMs === undefined ? this.#clock.wallMs() : this.#clock.monotonicMs() + this.#offsetMs;
  }

  /** @param sentAtMs monotonic time of the request whose answer, just received, was `redisMs` */
  observe(redisMs: number, sentAtMs: number): void {
    const middleMs = (sentAtMs + this.#clock.monotonicMs()) / 2;
    this.#offsetMs = redisMs - middleMs;
  }

  /** Asks now; every session renewal may `observe` later. */
  async sync(redis: Redis): Promise<void> {
    const sentAtMs = this.#clock.monotonicMs();
    this.observe(await redisTimeMs(redis), sentAtMs);
  }
}

/** Asks once, for callers that need the time only once. Others keep a `RedisClock`. */
export const redisTimeMs = async (redis: Redis): Promise<number> => redisMsOf(await redis.time());
