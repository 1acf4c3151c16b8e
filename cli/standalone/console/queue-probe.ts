import type { Clock } from '../../../core/process/clock.ts';
import type { Redis } from '../../../core/redis/redis.ts';
import { RedisClock } from '../../../core/redis/redis-clock.ts';
import type { QueueLengths } from '../connectors/event-totals.ts';

/** Asks Redis now and then how long the queue is, and what time it is. */
export class QueueProbe {
  readonly #redis: Redis;
  readonly #queue: string;
  readonly #urgent: string | undefined;
  readonly #redisClock: RedisClock;
  #probing = false;

  constructor(redis: Redis, queue: { name: string; urgent: string | undefined }, clock: Clock) {
    this.#redis = redis;
    this.#queue = queue.name;
    this.#urgent = queue.urgent;
    this.#redisClock = new RedisClock(clock);
  }

  /** Redis time, in which waits are given. */
  nowMs(): number {
    return this.#redisClock.nowMs();
  }

  /** @param tell gets the lengths, or undefined if Redis does not answer; not called while an earlier query is pending */
  async probe(tell: (lengths: QueueLengths | undefined) => void): Promise<void> {
    if (this.#probing) return;
    this.#probing = true;
    tell(await this.lengths());
    this.#probing = false;
  }

  /** Undefined when Redis does not answer, or holds something else under that name. Never rejects. */
  async lengths(): Promise<QueueLengths | undefined> {
    try {
      const [, queue, urgent] = await Promise.all([
        this.#redisClock.sync(this.#redis),
        this.#redis.llen(this.#queue),
        this.#urgent === undefined ? undefined : this.#redis.llen(this.#urgent),
      ]);
      return { queue, urgent };
    } catch {
      return undefined;
    }
  }
}
