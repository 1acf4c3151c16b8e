import { parseSlotID } from '../../core/protocol/assignment.ts';
import { gathers, type Pod, podsOf } from './pods.ts';
import { score } from './rendezvous.ts';
import type { PlanInput } from './types.ts';

/** No pod is to hold more than this share of the mean, as long as zones permit. Source: issue 4, item 3. */
export const LOAD_BOUND = 1.25;

/** The pods of one plan, and what is true of all of them. */
export interface Fleet {
  pods: ReadonlyMap<string, Pod>;
  /** Pods that may take new slots, as far as their room goes. */
  open: readonly Pod[];
  /** Some pod has a session. */
  connected: boolean;
  /** Most slots a pod is to hold. */
  bound: number;
  /** What is known is enough to place and to drain: nothing is lost, or all had the time to report. */
  trusted: boolean;
  gathering: boolean;
}

export function fleetOf(input: PlanInput): Fleet {
  const pods = podsOf(input);
  const all = [...pods.values()];
  const open = all.filter((pod) => pod.open);
  const present = all.filter(
    ({ phase, load }) => phase === 'up' || phase === 'draining' || (phase === 'absent' && load > 0),
  );
  const sharing = present.filter((pod) => pod.open || pod.phase !== 'up').length;
  let wanted = slotsWithoutSet(input);
  for (const { replicas } of input.sets) wanted += Math.min(replicas, Math.max(1, sharing));
  return {
    pods,
    open,
    connected: input.pods.some(({ session }) => session !== undefined),
    bound: Math.max(1, Math.ceil((LOAD_BOUND * wanted) / Math.max(1, sharing))),
    trusted: input.settled || input.lost.size === 0,
    gathering: gathers(input),
  };
}

/** Slots of owners that are kept, or not yet known: they fill pods like any others. */
function slotsWithoutSet({ synced, unlisted, kept, sets, assignments }: PlanInput): number {
  if (synced && kept.size + unlisted.size === 0) return 0;
  const known = new Set(sets.map(({ ownerUid }) => ownerUid));
  let count = 0;
  for (const slots of assignments.values()) {
    for (const id of slots.keys()) if (!known.has(parseSlotID(id).ownerUid)) count += 1;
  }
  return count;
}

/** Where a set's sockets are to be, while its plan is made. */
export interface Spread {
  ownerHash: number;
  /** Pods that hold any slot of the set, also one that is about to leave. */
  occupied: ReadonlySet<Pod>;
  /** Zone -> slots that are to stay or come there. */
  zones: ReadonlyMap<string, number>;
}

/**
 * The pod for one more slot of a set: in a zone with the fewest of the set's slots among zones with capacity, the pod
 * that the set prefers among those below the bound. If all are above it, zones go before balance: the one with the
 * lowest load.
 */
export function choosePod(fleet: Fleet, spread: Spread): Pod | undefined {
  let best: Pod | undefined;
  for (const pod of fleet.open) {
    if (pod.held >= pod.capacity || spread.occupied.has(pod)) continue;
    if (best === undefined || prefers(fleet.bound, spread, pod, best)) best = pod;
  }
  return best;
}

function prefers(bound: number, spread: Spread, pod: Pod, best: Pod): boolean {
  const zone = (spread.zones.get(pod.zone) ?? 0) - (spread.zones.get(best.zone) ?? 0);
  if (zone !== 0) return zone < 0;
  const below = pod.load < bound;
  if (below !== best.load < bound) return below;
  if (!below && pod.load !== best.load) return pod.load < best.load;
  const preference = score(spread.ownerHash, pod.hash) - score(spread.ownerHash, best.hash);
  return preference === 0 ? pod.name < best.name : preference > 0;
}

/** Zone -> slots, over the pods given. */
export function zonesOf(pods: Iterable<Pod>): Map<string, number> {
  const zones = new Map<string, number>();
  for (const { zone } of pods) zones.set(zone, (zones.get(zone) ?? 0) + 1);
  return zones;
}
