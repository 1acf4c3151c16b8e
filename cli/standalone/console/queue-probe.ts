import type { Clock } from '../../../core/process/clock.ts';
import type { Redis } from '../../../core/redis/redis.ts';
import { RedisClock } from '../../../core/redis/redis-clock.ts';

/** Asks Redis now and then how long the queue is, and what time it is. */
export class QueueProbe {
  readonly #redis: Redis;
  readonly #queue: string;
  readonly #redisClock: RedisClock;
  #probing = false;

  constructor(redis: Redis, queue: string, clock: Clock) {
    this.#redis = redis;
    this.#queue = queue;
    this.#redisClock = new RedisClock(clock);
  }

  /** Redis time, in which waits are given. */
  nowMs(): number {
    return this.#redisClock.nowMs();
  }

  /** @param tell gets the length, or undefined if Redis does not answer; not called while an earlier query is pending */
  async probe(tell: (length: number | undefined) => void): Promise<void> {
    if (this.#probing) return;
    this.#probing = true;
    tell(await this.length());
    this.#probing = false;
  }

  /** Undefined when Redis does not answer, or holds something else under that name. Never rejects. */
  async length(): Promise<number | undefined> {
    try {
      const [, length] = await Promise.all([this.#redisClock.sync(this.#redis), this.#redis.llen(this.#queue)]);
      return length;
    } catch {
      return undefined;
    }
  }
}
