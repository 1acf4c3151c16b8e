/** Writes assignments to Redis: seals, times of assignment, versions (design rule 7). */

import { encodeSlot, type Slot, type SlotID } from '../../core/protocol/assignment.ts';
import type { ClusterKeys } from '../../core/protocol/keys.ts';
import type { FleetKey } from '../../core/protocol/seal.ts';
import { DRAIN_RETURN_MS } from '../../core/protocol/session.ts';
import type { Redis } from '../../core/redis/redis.ts';
import { loadScript, runScript } from '../../core/redis/script.ts';
import type { PodWrite } from '../plan/types.ts';
import type { DesiredBot } from './desired.ts';
import type { PodMemory } from './pod-memory.ts';
import type { Sealer } from './sealer.ts';

const ASSIGN = loadScript(new URL('./assign.lua', import.meta.url));
const FORGET_POD = loadScript(new URL('./forget-pod.lua', import.meta.url));
const DRAINED = loadScript(new URL('./drained.lua', import.meta.url));

/** Slots in one call: some 150 kB, a few milliseconds in which Redis does nothing else. */
const CHUNK_SLOTS = 200;
/** Longer than any grace period in which a pod waits for it. */
const DRAINED_TTL_MS = DRAIN_RETURN_MS + 30_000;

/** The lock was lost while the planner worked. Nothing was written, and nothing may be until it is ours again. */
export class LockLostError extends Error {
  override name = 'LockLostError';

  constructor() {
    super('the planner lock was lost while working: another planner may have taken over');
  }
}

/** The slots of one pod as they are to be, sealed. */
export interface SealedWrite {
  pod: string;
  set: ReadonlyMap<SlotID, Slot>;
  remove: readonly SlotID[];
  /** All slots of the pod afterwards. */
  after: ReadonlyMap<SlotID, Slot>;
}

interface SealRound {
  bots: ReadonlyMap<string, DesiredBot>;
  key: FleetKey;
  wallMs: number;
}

/**
 * Completes what the plan gives a pod. A slot whose token nobody knows is left out; but where a pod must be written
 * whole and holds the slot, the slot is written as it is: a higher version that lacks it would close its socket, while a
 * connector that can't open a token keeps the socket that it has.
 * @param held the pod's slots as the plan saw them
 */
export function sealWrite(
  write: PodWrite,
  held: ReadonlyMap<SlotID, Slot>,
  lost: boolean,
  sealer: Sealer,
  round: SealRound,
): SealedWrite | undefined {
  const set = new Map<SlotID, Slot>();
  for (const [id, planned] of write.set) {
    const present = held.get(id);
    const token = sealer.tokenFor(id, planned, present, round.bots, round.key);
    if (token === undefined) {
      if (lost && present !== undefined) set.set(id, present);
      continue;
    }
    const since = present?.epoch === planned.epoch ? present.assignedAtMs : 0;
    set.set(id, { ...planned, token, assignedAtMs: since > 0 ? since : round.wallMs });
  }
  const after = new Map<SlotID, Slot>(lost ? set : [...held, ...set]);
  const remove = write.remove.filter((id) => !set.has(id) && after.delete(id));
  if (!lost && set.size === 0 && remove.length === 0) return undefined;
  return { pod: write.pod, set, remove, after };
}

/**
 * The only writer of assignments. Every script looks first whether the planner lock still has our value: whoever lost it
 * while paused writes nothing.
 */
export class FleetWriter {
  readonly #redis: Redis;
  readonly #keys: ClusterKeys;

  constructor(redis: Redis, keys: ClusterKeys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /**
   * @param memory what the planner holds to be in Redis; anything else there and nothing is written
   * @returns the new version, undefined when Redis holds something else: read again
   * @throws LockLostError; anything else means that the outcome is unknown
   */
  async assign(lockValue: string, write: SealedWrite, memory: PodMemory): Promise<number | undefined> {
    const keys = [this.#keys.planner, this.#keys.assign(write.pod), this.#keys.version(write.pod)];
    const expected = [memory.stored ?? '', memory.lost ? -1 : memory.fields];
    for (const { step, remove, fields } of stepsOf(write, memory.lost)) {
      const told = [write.after.size, memory.version, this.#keys.nudge(write.pod)];
      const args = [lockValue, step, ...expected, ...told, remove.length, ...remove, ...fields];
      const reply = await runScript(this.#redis, ASSIGN, keys, args);
      if (reply === 'fenced') throw new LockLostError();
      if (typeof reply !== 'number') return undefined;
      if (reply > 0) return reply;
    }
    return undefined;
  }

  /** @returns false: the pod is back */
  async forgetPod(lockValue: string, pod: string): Promise<boolean> {
    const { planner, session, pods, assign, report, drained, version, replies } = this.#keys;
    const keys = [planner, session(pod), pods, assign(pod), report(pod), drained(pod), version(pod), replies(pod)];
    return (await runScript(this.#redis, FORGET_POD, keys, [lockValue, pod])) === 1;
  }

  /** @throws LockLostError */
  async drained(lockValue: string, pod: string, incarnation: string): Promise<void> {
    const keys = [this.#keys.planner, this.#keys.drained(pod)];
    const args = [lockValue, incarnation, DRAINED_TTL_MS, this.#keys.nudge(pod)];
    if ((await runScript(this.#redis, DRAINED, keys, args)) !== 1) throw new LockLostError();
  }
}

interface Step {
  step: 'all' | 'open' | 'more' | 'close';
  remove: readonly SlotID[];
  /** Slot and JSON in turns. */
  fields: readonly string[];
}

function stepsOf({ set, remove }: SealedWrite, lost: boolean): Step[] {
  const slots = [...set];
  const chunks = Math.max(1, Math.ceil(slots.length / CHUNK_SLOTS));
  return Array.from({ length: chunks }, (_, at) => {
    const last = at === chunks - 1;
    return {
      step: chunks === 1 ? 'all' : at === 0 ? 'open' : last ? 'close' : 'more',
      // Together with the version: a new life of the pod that reads in between must find what it had. A hash that was
      // lost is deleted first and has nothing to remove.
      remove: last && !lost ? remove : [],
      fields: slots.slice(at * CHUNK_SLOTS, (at + 1) * CHUNK_SLOTS).flatMap(([id, slot]) => [id, encodeSlot(slot)]),
    };
  });
}
