import type { Slot, SlotID } from '../../core/protocol/assignment.ts';
import type { SlotReport } from '../../core/protocol/report.ts';
import type { Pod } from './pods.ts';
import type { PlanInput, SocketSet } from './types.ts';

/** One entry of one pod's assignments. A slot that moves has two. */
export interface Holding {
  readonly pod: Pod;
  readonly id: SlotID;
  readonly slot: Slot;
}

/** What pods report about holdings. */
export interface Reports {
  /** The report for exactly this placement; undefined while not known. */
  of(holding: Holding): SlotReport | undefined;
  /** Said hello and not dead since. `paused` is live: it is not read while Redis is unreachable, and its socket stays open. */
  live(holding: Holding): boolean;
  /** Slack refused the set's token, and would refuse it on any other pod too. */
  failed(holding: Holding, set: SocketSet): boolean;
}

export function reportsIn(input: PlanInput): Reports {
  const of = ({ pod, id, slot }: Holding): SlotReport | undefined => {
    const report = input.reports.get(pod.name)?.get(id);
    return report?.epoch === slot.epoch ? report : undefined;
  };
  return {
    of,
    live(holding) {
      const state = of(holding)?.state;
      return (state === 'live' || state === 'paused') && holding.pod.phase !== 'dead';
    },
    failed(holding, { tokenDigest }) {
      const report = of(holding);
      return report?.state === 'failed' && report.tokenDigest === tokenDigest;
    },
  };
}

/** Holdings by owner: one pass over all assignments, which every round pays for. */
export function holdingsByOwner(input: PlanInput, pods: ReadonlyMap<string, Pod>): Map<string, Holding[]> {
  const owners = new Map<string, Holding[]>();
  for (const [name, slots] of input.assignments) {
    const pod = pods.get(name);
    if (pod === undefined) continue;
    for (const [id, slot] of slots) {
      const ownerUid = id.slice(0, id.lastIndexOf('/'));
      const list = owners.get(ownerUid);
      if (list === undefined) owners.set(ownerUid, [{ pod, id, slot }]);
      else list.push({ pod, id, slot });
    }
  }
  return owners;
}

/** Higher than every epoch that this slot is known to have had, so that no old report matches it. */
export function nextEpoch(id: SlotID, holdings: readonly Holding[], input: PlanInput): number {
  let epoch = 0;
  for (const { slot } of holdings) epoch = Math.max(epoch, slot.epoch);
  for (const reports of input.reports.values()) epoch = Math.max(epoch, reports.get(id)?.epoch ?? 0);
  return epoch + 1;
}
