/** Keeps the fence hash in Redis as `planFences` wants it (design rule 8). */

import { fenceField, type QueueKeys } from '../../core/protocol/keys.ts';
import type { Redis } from '../../core/redis/redis.ts';
import type { PlanInput } from '../plan/types.ts';
import type { Desired } from './desired.ts';
import { type FenceState, heldOwners, NO_FENCES, planFences } from './fences.ts';

/** The hash may be changed by others: a planner that was suspended, a person. */
const READ_AGAIN_MS = 30_000;

/** Keeps our cluster's part of the fence hash as desired, reading it again now and then. */
export class FenceKeeper {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #cluster: string;
  readonly #windowMs: number;
  #state: FenceState = NO_FENCES;
  /** Undefined: what Redis holds is unknown. */
  #readAtMs: number | undefined;

  constructor(redis: Redis, queueKeys: QueueKeys, cluster: string, windowMs: number) {
    this.#redis = redis;
    this.#key = queueKeys.fence;
    this.#cluster = cluster;
    this.#windowMs = windowMs;
  }

  /** Redis may have lost the entries, or another planner may have changed them. */
  forgetRead(): void {
    this.#readAtMs = undefined;
  }

  /** Owner uid -> generation up to which it is stopped. @throws when Redis does not answer */
  async read(nowMs: number): Promise<ReadonlyMap<string, number>> {
    if (this.#readAtMs === undefined || nowMs - this.#readAtMs >= READ_AGAIN_MS) {
      this.#state = { ...this.#state, entries: await readFences(this.#redis, this.#key, this.#cluster) };
      this.#readAtMs = nowMs;
    }
    return this.#state.entries;
  }

  /** To be awaited before assignments are written. @throws when Redis did not take it */
  async keep(desired: Desired, input: PlanInput): Promise<void> {
    const { nowMs } = input;
    await this.read(nowMs);
    if (desired.stopped.size === 0 && this.#state.entries.size === 0) return;
    const plan = planFences(this.#state, desired, heldOwners(input), { nowMs, windowMs: this.#windowMs });
    if (plan.set.size > 0 || plan.remove.length > 0) {
      const readAtMs = this.#readAtMs;
      this.#readAtMs = undefined;
      const field = (ownerUid: string): string => fenceField(this.#cluster, ownerUid);
      if (plan.set.size > 0) {
        await this.#redis.hset(
          this.#key,
          Object.fromEntries([...plan.set].map(([uid, generation]) => [field(uid), generation])),
        );
      }
      if (plan.remove.length > 0) await this.#redis.hdel(this.#key, ...plan.remove.map(field));
      this.#readAtMs = readAtMs;
    }
    this.#state = plan.next;
  }
}

/** Owner uid -> generation, of one cluster. @throws when Redis does not answer */
export async function readFences(redis: Redis, key: string, cluster: string): Promise<ReadonlyMap<string, number>> {
  const ours = fenceField(cluster, '');
  const entries = new Map<string, number>();
  for (const [field, generation] of Object.entries(await redis.hgetall(key))) {
    // A value that is not a number is rewritten or removed like an entry of the oldest generation.
    if (field.startsWith(ours)) entries.set(field.slice(ours.length), Number(generation) || 0);
  }
  return entries;
}
