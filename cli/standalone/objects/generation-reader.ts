import { errorText, type Log } from '../../../core/process/log.ts';
import { sleep, systemTimers } from '../../../core/process/timers.ts';
import { decodeSlot, parseSlotID } from '../../../core/protocol/assignment.ts';
import type { ClusterKeys } from '../../../core/protocol/keys.ts';
import { decodeRoute } from '../../../core/protocol/route.ts';
import type { Redis } from '../../../core/redis/redis.ts';
import { readFences } from '../../../operator/fleet/fence-keeper.ts';
import type { KnownGenerations } from './object-registry.ts';

interface GenerationReaderOptions {
  redis: Redis;
  keys: ClusterKeys;
  /** The fence hash. */
  fence: string;
  cluster: string;
  log: Log;
}

const RETRY_MS = 1_000;

/** What Redis has of our objects: a generation must be above it, or the planner takes our copy for an old one. */
export class GenerationReader {
  readonly #options: GenerationReaderOptions;
  #last: KnownGenerations | undefined;

  constructor(options: GenerationReaderOptions) {
    this.#options = options;
  }

  /**
   * The first time it waits for Redis: no generation is good before. Later what was read last counts while Redis is away,
   * since whatever came since then is our own.
   */
  async read(signal: AbortSignal): Promise<KnownGenerations> {
    while (!signal.aborted) {
      try {
        this.#last = await this.#read();
      } catch (error) {
        this.#options.log.warn({ error: errorText(error) }, 'could not read fences, using the last known ones');
      }
      if (this.#last !== undefined) return this.#last;
      await sleep(systemTimers, RETRY_MS, signal);
    }
    return { fenced: new Map(), assigned: new Map() };
  }

  async #read(): Promise<KnownGenerations> {
    const { redis, fence, cluster } = this.#options;
    const assigned = this.#last?.assigned ?? (await this.#readAssigned());
    return { fenced: await readFences(redis, fence, cluster), assigned };
  }

  async #readAssigned(): Promise<ReadonlyMap<string, number>> {
    const { redis, keys } = this.#options;
    const assigned = new Map<string, number>();
    const note = (uid: string, generation = 0): void => {
      assigned.set(uid, Math.max(assigned.get(uid) ?? 0, generation));
    };
    for (const pod of await redis.zrange(keys.pods, '0', '-1')) {
      for (const [id, json] of Object.entries(await redis.hgetall(keys.assign(pod)))) {
        note(parseSlotID(id).ownerUid, decodeSlot(json)?.generation);
      }
    }
    for (const appUid of Object.keys(await redis.hgetall(keys.routes))) {
      for (const json of Object.values(await redis.hgetall(keys.route(appUid)))) {
        const route = decodeRoute(json);
        if (route !== undefined) note(route.ownerUid, route.generation);
      }
    }
    return assigned;
  }
}
