/** Which slots must be placed or moved, and doing so: new slots, drains, pods that leave (design rule 6). Pure. */

import { parseSlotID, type Slot, type SlotID } from '../../core/protocol/assignment.ts';
import type { SlotPlacement } from './handover.ts';
import { type Holding, nextEpoch, type Reports } from './holdings.ts';
import type { Pod } from './pods.ts';
import { type Round, wait } from './round.ts';
import { type SetState, spreadOf } from './set-state.ts';
import { choosePod } from './spread.ts';
import type { SocketSet } from './types.ts';

/** A slot that must be placed, or moved. */
export interface Need {
  state: SetState;
  placement: SlotPlacement;
  why: /** It has none. */
    | 'place'
    /** Its pod is leaving, and no other socket of the set is live. */
    | 'drain'
    /** Its pod will not return. */
    | 'leave'
    /** Its pod holds another slot of the set. */
    | 'twin';
  /** When capacity is scarce, a set without any socket (0) goes before the second socket of another (1), and that before 2. */
  urgency: 0 | 1 | 2;
}

export function needsOf(state: SetState, round: Round): Need[] {
  const needs: Need[] = [];
  const need = (why: Need['why'], placement: SlotPlacement, urgency: Need['urgency']): void => {
    // Only one move of a slot at a time, however many reasons there are.
    if (!needs.some((other) => other.placement === placement)) needs.push({ state, placement, why, urgency });
  };
  const isFirst = (placement: SlotPlacement): boolean => state.homes.size === 0 && placement === state.placements[0];
  for (const placement of state.placements)
    if (placement.target === undefined) need('place', placement, isFirst(placement) ? 0 : 1);
  for (const placement of leavesOf(state, round)) need('leave', placement, hasStableSocket(state, round) ? 1 : 0);
  const drain = drainOf(state, round);
  if (drain !== undefined) need('drain', drain, 0);
  const twin = twinOf(state, round.reports);
  if (twin !== undefined) need('twin', twin, 2);
  return needs;
}

export function byUrgency(a: Need, b: Need): number {
  const [left, right] = [a.state.set.ownerUid, b.state.set.ownerUid];
  if (a.urgency !== b.urgency) return a.urgency - b.urgency;
  if (left !== right) return left < right ? -1 : 1;
  return parseSlotID(a.placement.id).index - parseSlotID(b.placement.id).index;
}

export function satisfy({ state, placement, why }: Need, round: Round): void {
  switch (why) {
    case 'place':
      place(state, placement, round);
      return;
    case 'drain':
      moveFromDraining(state, placement, round);
      return;
    case 'leave':
      moveFromLeaving(state, placement, round);
      return;
    case 'twin':
      separateTwin(state, placement, round);
      return;
    default:
      why satisfies never;
  }
}

function place(state: SetState, placement: SlotPlacement, round: Round): void {
  const { fleet, ledger } = round;
  const { set } = state;
  // A slot of a dead pod needs no such wait: a pod is called dead only after the fleet has been observed for long enough.
  const observing = !fleet.trusted || (fleet.gathering && placement.dead.length === 0);
  const pod = observing ? undefined : choosePod(round, spreadOf(state));
  if (pod === undefined) {
    wait(round, placement.id, set, !fleet.connected ? 'NoConnectors' : observing ? 'Observing' : 'NoEligiblePods');
    return;
  }
  settleAt(state, pod, placement.id);
  ledger.place(set, pod, placement.id, { epoch: epochOf(state, placement.id, round), role: 'active', cause: 'place' });
}

/** Writes the new entry beside the old one, which is removed when the new one is live. */
export function startMove(state: SetState, from: Holding, to: Pod, cause: Slot['cause'], round: Round): void {
  settleAt(state, to, from.id);
  round.ledger.move(state.set, from, to, { epoch: epochOf(state, from.id, round), role: 'incoming', cause });
}

function moveFromDraining(state: SetState, placement: SlotPlacement, round: Round): void {
  const to = choosePod(round, spreadOf(state, placement.id));
  if (to !== undefined && placement.target !== undefined) {
    startMove(state, placement.target, to, 'drain', round);
    blockDraining(state, round);
  } else if (isComing(state, round.reports)) blockDraining(state, round);
  else wait(round, placement.id, state.set, 'PodReturning');
}

/** Also for a set that has other sockets, because nothing will come back that it could wait for. */
function moveFromLeaving(state: SetState, placement: SlotPlacement, round: Round): void {
  const to = choosePod(round, spreadOf(state, placement.id));
  if (to !== undefined && placement.target !== undefined) {
    startMove(state, placement.target, to, 'drain', round);
    blockLeaving(placement, round);
    if (!hasStableSocket(state, round)) blockDraining(state, round);
  } else if (placement.target?.pod.phase === 'draining') {
    // It was about to take over, and will do so when it is back.
    blockLeaving(placement, round);
    wait(round, placement.id, state.set, 'PodReturning');
  } else wait(round, placement.id, state.set, 'NoEligiblePods');
}

/** A second socket on the same pod is useless: it moves or, if there is no other pod, ends once the first is live. */
function separateTwin(state: SetState, placement: SlotPlacement, round: Round): void {
  const { target, id } = placement;
  if (target === undefined || !round.fleet.trusted) return;
  const to = choosePod(round, spreadOf(state, id));
  if (to !== undefined) {
    startMove(state, target, to, 'place', round);
    return;
  }
  const twins = state.placements.filter((other) => other !== placement && other.target?.pod === target.pod);
  if (twins.some((other) => isLive(other, round.reports))) round.ledger.release(target);
  wait(round, id, state.set, 'NoEligiblePods');
}

/** Of two slots on one pod the one that serves less. */
function twinOf({ placements }: SetState, reports: Reports): SlotPlacement | undefined {
  const serving = [...placements].sort((a, b) => Number(isLive(b, reports)) - Number(isLive(a, reports)));
  const seen = new Set<Pod>();
  for (const placement of serving) {
    if (placement.target === undefined) continue;
    if (seen.has(placement.target.pod) && placement.sources.length === 0) return placement;
    seen.add(placement.target.pod);
  }
  return undefined;
}

const isLive = ({ target }: SlotPlacement, reports: Reports): boolean => target !== undefined && reports.live(target);

/**
 * Slots on pods that will not return; each must be moved now. Such a pod ends when everything that is moving from it has
 * arrived. A move costs the team one connect, and the team keeps two sockets all the time.
 */
function leavesOf({ set, placements }: SetState, round: Round): SlotPlacement[] {
  const { fleet, reports } = round;
  const movable = placements.filter((placement) => isLeft(placement) && !isRefused(placement, set, reports));
  const waiting = movable.filter(({ target }) => !remains(target));
  const coming = movable.filter(
    ({ target }) => target !== undefined && remains(target) && !reports.failed(target, set),
  );
  // The fleet has just started: its first pod must not get all slots.
  const observing = !fleet.trusted || fleet.gathering;
  for (const placement of observing ? [...coming, ...waiting] : coming) blockLeaving(placement, round);
  return observing ? [] : waiting;
}

const isLeft = (placement: SlotPlacement): boolean => entriesOf(placement).some(({ pod }) => pod.phase === 'leaving');

/** What Slack refused on this pod it would refuse on any pod. */
const isRefused = (placement: SlotPlacement, set: SocketSet, reports: Reports): boolean =>
  entriesOf(placement).every((holding) => reports.failed(holding, set));

function blockLeaving(placement: SlotPlacement, { blocked }: Round): void {
  for (const { pod } of entriesOf(placement)) if (pod.phase === 'leaving') blocked.add(pod);
}

/** A socket of the set is live on a pod that stays. */
const hasStableSocket = ({ holdings }: SetState, { reports }: Round): boolean =>
  holdings.some((holding) => holding.pod.phase === 'up' && reports.live(holding));

/**
 * A set with a live socket on a pod that stays waits for the other pod to come back (design rule 6). For other sets, one
 * slot is moved at a time: once it is live, the rest can wait as well.
 */
function drainOf(state: SetState, round: Round): SlotPlacement | undefined {
  const goes = ({ phase }: Pod): boolean => phase === 'draining' || phase === 'leaving';
  const going = state.placements.filter((placement) => entriesOf(placement).some(({ pod }) => goes(pod)));
  if (going.length === 0 || hasStableSocket(state, round)) return undefined;
  const movable = going.filter((placement) => !isRefused(placement, state.set, round.reports));
  if (movable.length === 0) return undefined;
  const moving = state.placements.some(({ target, sources }) => sources.length > 0 && remains(target));
  const next =
    moving || !round.fleet.trusted ? undefined : movable.find(({ target }) => target?.pod.phase === 'draining');
  if (next === undefined && (!round.fleet.trusted || isComing(state, round.reports))) blockDraining(state, round);
  return next;
}

const entriesOf = ({ target, sources }: SlotPlacement): Holding[] => (target === undefined ? [] : [target, ...sources]);

/** A socket of the set is being opened on a pod that stays. */
const isComing = ({ set, placements, homes }: SetState, reports: Reports): boolean =>
  placements.some(({ id, target }) => {
    // Placed by this plan.
    if (homes.get(id) !== target?.pod) return true;
    return target !== undefined && remains(target) && !reports.failed(target, set);
  });

/** An absent pod will soon be known to be alive or dead. */
const remains = (target: Holding | undefined): boolean => target?.pod.phase === 'up' || target?.pod.phase === 'absent';

function blockDraining(state: SetState, { blocked }: Round): void {
  for (const pod of state.occupied) if (pod.draining) blocked.add(pod);
}

function settleAt(state: SetState, pod: Pod, id: SlotID): void {
  state.occupied.add(pod);
  state.homes.set(id, pod);
}

const epochOf = (state: SetState, id: SlotID, { input }: Round): number =>
  nextEpoch(
    id,
    state.holdings.filter((holding) => holding.id === id),
    input,
  );
