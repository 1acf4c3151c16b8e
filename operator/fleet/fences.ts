/** Decides which fence entries there should be. Pure (design rule 8). */

import { parseSlotID } from '../../core/protocol/assignment.ts';
import type { PlanInput } from '../plan/types.ts';
import type { Desired } from './desired.ts';

/** The entries of our cluster in the fence hash, and what the planner remembers about them. Keys are owner uids. */
export interface FenceState {
  entries: ReadonlyMap<string, number>;
  /** Since when (monotonic ms) no session holds a slot of an owner that will not come back. */
  idleSinceMs: ReadonlyMap<string, number>;
  /** Deleted bots, still listed as such, whose entry has expired and was removed. */
  lifted: ReadonlySet<string>;
}

export const NO_FENCES: FenceState = { entries: new Map(), idleSinceMs: new Map(), lifted: new Set() };

interface FencePlan {
  /** Must be in Redis before slots are removed. */
  set: ReadonlyMap<string, number>;
  /** Must be gone from Redis before slots are written: a fence must never block a live bot. */
  remove: readonly string[];
  /** The state once both are done. */
  next: FenceState;
}

/**
 * Design rule 8: only suspended and deleted bots have an entry. A deleted bot's entry is removed one dedupe window after
 * the last session dropped its slots, since a copy of an event may arrive that late. Entries that belong to no bot once
 * the list is complete are those of bots deleted while no planner ran. Their namespace is not known, so they stay while
 * any namespace is not listed. An entry that is not below the generation of a bot that should run was written by a
 * process that knows more than we do (`isOutdated`), so it stays.
 * @param held owner uids of which a pod holds a slot or reports one
 */
export function planFences(
  state: FenceState,
  desired: Desired,
  held: ReadonlySet<string>,
  time: { nowMs: number; windowMs: number },
): FencePlan {
  const lifted = new Set([...state.lifted].filter((ownerUid) => desired.stopped.get(ownerUid)?.why === 'deleted'));
  const set = new Map<string, number>();
  for (const [ownerUid, { generation }] of desired.stopped) {
    if (lifted.has(ownerUid) && !held.has(ownerUid)) continue;
    if ((state.entries.get(ownerUid) ?? -1) < generation) set.set(ownerUid, generation);
  }
  const entries = new Map([...state.entries, ...set]);
  const idleSinceMs = new Map<string, number>();
  const remove: string[] = [];
  for (const entry of entries) {
    const [ownerUid] = entry;
    const fate = fateOf(entry, desired, held);
    if (fate === 'keep') continue;
    const sinceMs = state.idleSinceMs.get(ownerUid) ?? time.nowMs;
    if (fate === 'expire' && time.nowMs - sinceMs < time.windowMs) {
      idleSinceMs.set(ownerUid, sinceMs);
      continue;
    }
    remove.push(ownerUid);
    if (desired.stopped.has(ownerUid)) lifted.add(ownerUid);
  }
  for (const ownerUid of remove) entries.delete(ownerUid);
  return { set, remove, next: { entries, idleSinceMs, lifted } };
}

function fateOf(
  [ownerUid, entry]: [string, number],
  desired: Desired,
  held: ReadonlySet<string>,
): 'keep' | 'expire' | 'remove' {
  const runs = runningGeneration(ownerUid, desired);
  if (runs !== undefined) return entry >= runs ? 'keep' : 'remove';
  const stopped = desired.stopped.get(ownerUid);
  if (stopped?.why === 'suspended' || held.has(ownerUid)) return 'keep';
  const isComplete = desired.synced && desired.unlisted.size === 0;
  return stopped?.why === 'deleted' || (isComplete && !desired.kept.has(ownerUid)) ? 'expire' : 'keep';
}

/**
 * The generation of an owner that has sockets or is carried by an app's; undefined: it has and is neither. Resuming raises
 * the generation above the fence, so a copy that is not above it is older than the fence.
 */
function runningGeneration(ownerUid: string, { bots, routed }: Pick<Desired, 'bots' | 'routed'>): number | undefined {
  const bot = bots.get(ownerUid);
  if (bot !== undefined) return bot.set.generation;
  const route = routed.get(ownerUid)?.route;
  return route === undefined || route.suspended ? undefined : route.generation;
}

export function heldOwners(input: Pick<PlanInput, 'assignments' | 'reports'>): ReadonlySet<string> {
  const owners = new Set<string>();
  for (const pods of [input.assignments, input.reports]) {
    for (const slots of pods.values()) for (const id of slots.keys()) owners.add(parseSlotID(id).ownerUid);
  }
  return owners;
}

/** What is desired as far as our copies are current: a bot whose fence is newer than our copy is stopped. */
export function respectFences(desired: Desired, fences: ReadonlyMap<string, number>): Desired {
  const outdated = [...fences].filter(([ownerUid, fence]) => {
    const runs = runningGeneration(ownerUid, desired);
    return runs !== undefined && fence >= runs;
  });
  if (outdated.length === 0) return desired;
  const bots = new Map(desired.bots);
  const stopped = new Map(desired.stopped);
  const routed = new Map(desired.routed);
  for (const [ownerUid, generation] of outdated) {
    bots.delete(ownerUid);
    stopped.set(ownerUid, { why: 'suspended', generation });
    const row = routed.get(ownerUid);
    if (row !== undefined) routed.set(ownerUid, { ...row, route: { ...row.route, suspended: true } });
  }
  return { ...desired, bots, stopped, routed };
}
