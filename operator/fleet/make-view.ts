/** Makes the view of the fleet from which conditions, status and tables are derived. Pure. */

import { parseSlotID, type Slot, type SlotID } from '../../core/protocol/assignment.ts';
import { AWAY_REASON, isLiveState, type Presence, reportOf } from '../../core/protocol/presence.ts';
import type { SlotReport } from '../../core/protocol/report.ts';
import type { Pending, PendingReason } from '../plan/types.ts';
import type { BotView, FleetView, PodSummary, SlotView } from './fleet-view.ts';
import { type PodMemory, podPresence } from './pod-memory.ts';

export const NO_VIEW: FleetView = { bots: new Map(), pods: [], settled: false };

export interface ViewInput {
  nowMs: number;
  settled: boolean;
  pods: ReadonlyMap<string, PodMemory>;
  /** pod -> slots, as they are after the round's writes. */
  assignments: ReadonlyMap<string, ReadonlyMap<SlotID, Slot>>;
  pending: readonly Pending[];
  /**
   * Pods that the plan calls dead. Their entries stay in Redis until another socket is live, in case the pod returns. Their
   * last reports no longer hold, so no bot shows them.
   */
  deadPods: readonly string[];
  /** Pods that get no new slots, whatever room they have. */
  closedPods?: readonly string[];
  /** Pods that will not return under their name, so that nobody is told to wait for them. */
  leavingPods?: readonly string[];
}

interface BotDraft {
  slots: { index: number; slot: SlotView }[];
  pending: PendingReason[];
}

/**
 * A socket is live only if the current process reports it for the current assignment (ADR 0007).
 * @param previous entries that did not change are reused, so that identity shows what changed
 */
export function makeView(input: ViewInput, previous: FleetView): FleetView {
  const drafts = new Map<string, BotDraft>();
  const draftOf = (ownerUid: string): BotDraft => {
    const draft = drafts.get(ownerUid) ?? { slots: [], pending: [] };
    drafts.set(ownerUid, draft);
    return draft;
  };
  const pods: PodSummary[] = [];
  for (const [name, pod] of input.pods) {
    const slots = input.assignments.get(name) ?? pod.slots;
    const seen = podPresence(pod, input.nowMs);
    const presence = seen === 'returning' && input.leavingPods?.includes(name) === true ? 'lost' : seen;
    let live = 0;
    for (const [id, slot] of input.deadPods.includes(name) ? [] : slots) {
      const { ownerUid, index } = parseSlotID(id);
      const view = slotView({ name, pod, presence }, slot, pod.reports.get(id), previous.bots.get(ownerUid));
      if (isLiveState(view.state)) live += 1;
      draftOf(ownerUid).slots.push({ index, slot: view });
    }
    // Told to close but not closed yet, so its owner is not gone.
    if (presence === 'present') for (const id of pod.reports.keys()) draftOf(parseSlotID(id).ownerUid);
    const takesSlots = input.closedPods?.includes(name) !== true;
    pods.push({ ...podSummary({ name, pod, presence }, slots.size, live, input.settled), takesSlots });
  }
  for (const { ownerUid, reason } of input.pending) draftOf(ownerUid).pending.push(reason);
  const bots = new Map([...drafts].map(([uid, draft]) => [uid, botView(draft, previous.bots.get(uid))]));
  pods.sort((a, b) => (a.pod < b.pod ? -1 : 1));
  return { bots, pods, settled: input.settled };
}

/** Owner uids whose entry differs, including those that are gone. */
export function changedOwners(previous: FleetView, next: FleetView): Set<string> {
  const changed = new Set<string>();
  addChanged(changed, previous.bots, next.bots);
  addChanged(changed, previous.refused, next.refused);
  if (previous.routed === next.routed) return changed;
  for (const uid of next.routed ?? []) if (previous.routed?.has(uid) !== true) changed.add(uid);
  for (const uid of previous.routed ?? []) if (next.routed?.has(uid) !== true) changed.add(uid);
  return changed;
}

/** Entries are compared by identity. */
function addChanged<T>(
  changed: Set<string>,
  previous: ReadonlyMap<string, T> = new Map(),
  next: ReadonlyMap<string, T> = new Map(),
): void {
  if (previous === next) return;
  for (const [uid, entry] of next) if (previous.get(uid) !== entry) changed.add(uid);
  for (const uid of previous.keys()) if (!next.has(uid)) changed.add(uid);
}

export const sameFleet = (a: FleetView, b: FleetView): boolean =>
  a.settled === b.settled && JSON.stringify(a.pods) === JSON.stringify(b.pods);

interface SeenPod {
  name: string;
  pod: PodMemory;
  presence: Presence;
}

function slotView(
  { name, pod, presence }: SeenPod,
  slot: Slot,
  said: SlotReport | undefined,
  previous: BotView | undefined,
): SlotView {
  const report = reportOf(presence, pod.session ?? pod.lastSession, slot, said);
  const before = previous?.slots.find((view) => view.pod === name && view.assignedAtMs === slot.assignedAtMs);
  return {
    pod: name,
    zone: pod.lastSession?.zone ?? '',
    assignedAtMs: slot.assignedAtMs,
    role: slot.role,
    state: report?.state,
    // A pod that this planner has never seen is unknown, not gone.
    reason: report?.reason ?? (presence === 'present' || pod.lastSession === undefined ? '' : AWAY_REASON[presence]),
    message: report?.message ?? '',
    waitUntilMs: report?.waitUntilMs,
    tokenDigest: report?.tokenDigest ?? before?.tokenDigest ?? '',
    teamName: report?.teamName || (before?.teamName ?? ''),
    botUserID: report?.botUserID || (before?.botUserID ?? ''),
  };
}

function podSummary(
  { name, pod, presence }: SeenPod,
  slots: number,
  live: number,
  settled: boolean,
): Omit<PodSummary, 'takesSlots'> {
  // Until the fleet is settled a missing lease says nothing.
  const session = settled ? pod.session : (pod.session ?? pod.lastSession);
  return {
    pod: name,
    zone: pod.lastSession?.zone ?? '',
    state: presence === 'returning' || session?.left === true ? 'left' : (session?.state ?? 'dead'),
    capacity: session?.capacity ?? 0,
    slots,
    live,
    faults: session?.faults ?? [],
  };
}

function botView(draft: BotDraft, previous: BotView | undefined): BotView {
  draft.slots.sort((a, b) => a.index - b.index || (a.slot.pod < b.slot.pod ? -1 : 1));
  const next: BotView = { slots: draft.slots.map(({ slot }) => slot), pending: draft.pending };
  return previous !== undefined && sameBot(previous, next) ? previous : next;
}

const sameBot = (a: BotView, b: BotView): boolean =>
  a.slots.length === b.slots.length &&
  a.pending.length === b.pending.length &&
  a.pending.every((reason, at) => reason === b.pending[at]) &&
  a.slots.every((slot, at) => sameSlot(slot, b.slots[at]));

function sameSlot(a: SlotView, b: SlotView | undefined): boolean {
  return (
    b !== undefined &&
    a.pod === b.pod &&
    a.state === b.state &&
    a.role === b.role &&
    a.assignedAtMs === b.assignedAtMs &&
    a.zone === b.zone &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.waitUntilMs === b.waitUntilMs &&
    a.tokenDigest === b.tokenDigest &&
    a.teamName === b.teamName &&
    a.botUserID === b.botUserID
  );
}
