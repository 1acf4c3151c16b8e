import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from '../../core/redis/redis.ts';

const AT_ONCE = 100;
const IDLE_MS = 20;

/**
 * The application that reads the queue: it moves each item to a list of its own (LMOVE), as docs/redis.md recommends, so
 * that a connection cut in the middle can neither lose nor repeat one.
 */
export class App {
  /** Its list of what it took. */
  readonly handled: string;
  readonly #redis: Redis;
  readonly #queue: string;

  constructor(redis: Redis, queue: string) {
    this.#redis = redis;
    this.#queue = queue;
    this.handled = `{${queue}}:processing:demo`;
  }

  /** Until `signal` aborts. A Redis that is away is waited for. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const moved = await this.#moveSome();
      if (moved < AT_ONCE) await sleep(IDLE_MS);
    }
  }

  /** Ids of all events that came, in their order, one as often as it came. */
  async handledIDs(): Promise<(string | undefined)[]> {
    const items = await this.#redis.lrange(this.handled, '0', '-1');
    return items.map((json) => (JSON.parse(json) as { event?: { client_msg_id?: string } }).event?.client_msg_id);
  }

  async #moveSome(): Promise<number> {
    const move = ['lmove', this.#queue, this.handled, 'LEFT', 'RIGHT'] as const;
    const moved = await this.#redis.batch(Array.from({ length: AT_ONCE }, () => move)).catch(() => []);
    return moved.filter((item) => item !== null).length;
  }
}
