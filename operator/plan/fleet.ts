import { parseSlotID } from '../../core/protocol/assignment.ts';
import { gathers, type Pod, podsOf } from './pods.ts';
import type { PlanInput } from './types.ts';

/** No pod is to hold more than this share of the mean, as long as zones permit. */
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
  const holdsAny = ({ name }: Pod): boolean => (input.assignments.get(name)?.size ?? 0) > 0;
  const present = all.filter(
    (pod) => pod.phase === 'up' || pod.phase === 'draining' || (pod.phase === 'absent' && holdsAny(pod)),
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
