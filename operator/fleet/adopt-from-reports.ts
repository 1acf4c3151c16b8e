import { type KindFields, kindFieldsOf, parseSlotID, type Slot, type SlotID } from '../../core/protocol/assignment.ts';
import type { SlotReport } from '../../core/protocol/report.ts';
import type { SocketSet } from '../plan/types.ts';

/**
 * What a slot of this kind has at least, for an owner that is not known; the plan that knows it writes the rest. A connector
 * that is told another kind than it runs would take its socket for another, so the kind comes from its report.
 */
function leastOf({ kind = 'rtm' }: SlotReport): KindFields {
  switch (kind) {
    case 'rtm':
      return { kind, teamID: '' };
    case 'socketMode':
      return { kind, teamID: '', replies: 'wait', delayedEvents: false };
    case 'app':
      return { kind, appID: '', replies: 'wait', delayedEvents: false, unknownTeams: 'deliver' };
    default:
      return kind satisfies never;
  }
}

/**
 * Assignments of a pod whose hash is gone and which no planner remembers, from what the pod says it runs. A slot whose
 * bot is not (yet) known keeps its place with nothing but its owner, epoch and token digest, so that no plan takes the
 * pod's room for free.
 */
export function adoptFromReports(
  reports: ReadonlyMap<SlotID, SlotReport>,
  sets: ReadonlyMap<string, SocketSet>,
): ReadonlyMap<SlotID, Slot> {
  const slots = new Map<SlotID, Slot>();
  for (const [id, report] of reports) {
    const set = sets.get(parseSlotID(id).ownerUid);
    slots.set(id, {
      epoch: report.epoch,
      // 0 differs from any real generation, so that a plan rewrites the spec.
      generation: 0,
      role: 'active',
      ...(set === undefined ? leastOf(report) : kindFieldsOf(set)),
      bot: set?.bot ?? '',
      queueNamespace: set?.queueNamespace ?? '',
      events: set?.events ?? { include: [], exclude: [], own: false },
      token: '',
      tokenDigest: report.tokenDigest,
      assignedAtMs: 0,
      cause: 'place',
    });
  }
  return slots;
}
