import type { QueueKeys } from '../../core/keys.ts';
import { errorText, type Log } from '../../core/log.ts';
import type { Redis } from '../../core/redis.ts';
import { readFences } from '../../operator/fleet/fence-keeper.ts';

/** Our cluster's part of the fence hash: generations that a new one must be above (design rule 8). */
export class FenceReader {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #cluster: string;
  readonly #log: Log;
  #last: ReadonlyMap<string, number> = new Map();

  constructor(redis: Redis, queueKeys: QueueKeys, cluster: string, log: Log) {
    this.#redis = redis;
    this.#key = queueKeys.fence;
    this.#cluster = cluster;
    this.#log = log;
  }

  /** Owner uid -> generation; as last read while Redis is away, since the planner lifts the fence of a bot that runs. */
  async read(): Promise<ReadonlyMap<string, number>> {
    try {
      this.#last = await readFences(this.#redis, this.#key, this.#cluster);
    } catch (error) {
      this.#log.warn({ error: errorText(error) }, 'fences not read, those known so far count');
    }
    return this.#last;
  }
}
