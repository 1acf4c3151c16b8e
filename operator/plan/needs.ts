import { parseSlotID, type Slot, type SlotID } from '../../core/protocol/assignment.ts';
import type { Draft } from './draft.ts';
import { choosePod, type Fleet } from './fleet.ts';
import type { SlotCourse } from './handover.ts';
import { type Holding, nextEpoch, type Reports } from './holdings.ts';
import type { Pod } from './pods.ts';
import { type SetState, spreadOf } from './set-state.ts';
import type { Observed, SocketSet } from './types.ts';

/** A slot that must get a (new) place. */
export interface Need {
  state: SetState;
  course: SlotCourse;
  why: /** It has none. */
    | 'place'
    /** Its pod leaves, and no other socket of the set serves. */
    | 'drain'
    /** Its pod will not return. */
    | 'leave'
    /** Its pod holds another slot of the set. */
    | 'twin';
  /** When room is scarce, a set without any socket (0) goes before the second socket of another (1), and that before 2. */
  urgency: 0 | 1 | 2;
}

export interface Round {
  observed: Observed;
  fleet: Fleet;
  reports: Reports;
  draft: Draft;
  /** Pods that must not be told that they may end. */
  blocked: Set<Pod>;
}

export function needsOf(state: SetState, round: Round): Need[] {
  const needs: Need[] = [];
  const need = (why: Need['why'], course: SlotCourse, urgency: Need['urgency']): void => {
    // One move of a slot at a time, whatever the reasons for it.
    if (!needs.some((other) => other.course === course)) needs.push({ state, course, why, urgency });
  };
  const isFirst = (course: SlotCourse): boolean => state.homes.size === 0 && course === state.courses[0];
  for (const course of state.courses) if (course.target === undefined) need('place', course, isFirst(course) ? 0 : 1);
  for (const course of leavesOf(state, round)) need('leave', course, stays(state, round) ? 1 : 0);
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
  return parseSlotID(a.course.id).index - parseSlotID(b.course.id).index;
}

export function meet({ state, course, why }: Need, round: Round): void {
  switch (why) {
    case 'place':
      place(state, course, round);
      return;
    case 'drain':
      moveFromDraining(state, course, round);
      return;
    case 'leave':
      leave(state, course, round);
      return;
    case 'twin':
      part(state, course, round);
      return;
    default:
      why satisfies never;
  }
}

function place(state: SetState, course: SlotCourse, round: Round): void {
  const { fleet, draft } = round;
  const { set } = state;
  // A slot of a dead pod needs no such wait: death is only ever told from a fleet that has been watched for long.
  const observing = !fleet.trusted || (fleet.gathering && course.dead.length === 0);
  const pod = observing ? undefined : choosePod(fleet, spreadOf(state));
  if (pod === undefined) {
    draft.wait(course.id, set, !fleet.connected ? 'NoConnectors' : observing ? 'Observing' : 'NoEligiblePods');
    return;
  }
  settleAt(state, pod, course.id);
  draft.place(set, pod, course.id, { epoch: epochOf(state, course.id, round), role: 'active', cause: 'place' });
}

/** Writes the new entry beside the old one, which goes when the new one is live. */
export function startMove(state: SetState, from: Holding, to: Pod, cause: Slot['cause'], round: Round): void {
  from.pod.load--;
  settleAt(state, to, from.id);
  round.draft.place(state.set, to, from.id, { epoch: epochOf(state, from.id, round), role: 'incoming', cause });
}

function moveFromDraining(state: SetState, course: SlotCourse, round: Round): void {
  const to = choosePod(round.fleet, spreadOf(state, course.id));
  if (to !== undefined && course.target !== undefined) {
    startMove(state, course.target, to, 'drain', round);
    block(state, round);
  } else if (isComing(state, round.reports)) block(state, round);
  else round.draft.wait(course.id, state.set, 'PodReturning');
}

/** Also of a set that has other sockets: nothing comes back that it could wait for. */
function leave(state: SetState, course: SlotCourse, round: Round): void {
  const to = choosePod(round.fleet, spreadOf(state, course.id));
  if (to !== undefined && course.target !== undefined) {
    startMove(state, course.target, to, 'drain', round);
    hold(course, round);
    if (!stays(state, round)) block(state, round);
  } else if (course.target?.pod.phase === 'draining') {
    // It was to take over, and will when it is back.
    hold(course, round);
    round.draft.wait(course.id, state.set, 'PodReturning');
  } else round.draft.wait(course.id, state.set, 'NoEligiblePods');
}

/** A second socket on the same pod is worth nothing: it moves, or ends for want of a pod once the other is live. */
function part(state: SetState, course: SlotCourse, round: Round): void {
  const { target, id } = course;
  if (target === undefined || !round.fleet.trusted) return;
  const to = choosePod(round.fleet, spreadOf(state, id));
  if (to !== undefined) {
    startMove(state, target, to, 'place', round);
    return;
  }
  const twins = state.courses.filter((other) => other !== course && other.target?.pod === target.pod);
  if (twins.some((other) => isLive(other, round.reports))) round.draft.drop(target);
  round.draft.wait(id, state.set, 'NoEligiblePods');
}

/** Of two slots on one pod the one that serves less. */
function twinOf({ courses }: SetState, reports: Reports): SlotCourse | undefined {
  const serving = [...courses].sort((a, b) => Number(isLive(b, reports)) - Number(isLive(a, reports)));
  const seen = new Set<Pod>();
  for (const course of serving) {
    if (course.target === undefined) continue;
    if (seen.has(course.target.pod) && course.sources.length === 0) return course;
    seen.add(course.target.pod);
  }
  return undefined;
}

const isLive = ({ target }: SlotCourse, reports: Reports): boolean => target !== undefined && reports.live(target);

/**
 * Slots on pods that will not return, each to be moved now. Such a pod ends when what is on its way from it has arrived:
 * a move costs the team one connect, and it has two sockets all the while.
 */
function leavesOf({ set, courses }: SetState, round: Round): SlotCourse[] {
  const { fleet, reports } = round;
  const movable = courses.filter((course) => isLeft(course) && !isRefused(course, set, reports));
  const waiting = movable.filter(({ target }) => !remains(target));
  const coming = movable.filter(
    ({ target }) => target !== undefined && remains(target) && !reports.failed(target, set),
  );
  // A fleet that has just begun: its first pod is not to get them all.
  const observing = !fleet.trusted || fleet.gathering;
  for (const course of observing ? [...coming, ...waiting] : coming) hold(course, round);
  return observing ? [] : waiting;
}

const isLeft = (course: SlotCourse): boolean => entriesOf(course).some(({ pod }) => pod.phase === 'leaving');

/** What Slack refused here it refuses anywhere. */
const isRefused = (course: SlotCourse, set: SocketSet, reports: Reports): boolean =>
  entriesOf(course).every((holding) => reports.failed(holding, set));

function hold(course: SlotCourse, { blocked }: Round): void {
  for (const { pod } of entriesOf(course)) if (pod.phase === 'leaving') blocked.add(pod);
}

/** A socket of the set is live on a pod that stays. */
const stays = ({ holdings }: SetState, { reports }: Round): boolean =>
  holdings.some((holding) => holding.pod.phase === 'up' && reports.live(holding));

/**
 * A set with a live socket on a pod that stays just waits for the other pod to come back (design rule 6). Of the others
 * one slot is moved at a time: once it is live, the rest can wait as well.
 */
function drainOf(state: SetState, round: Round): SlotCourse | undefined {
  const goes = ({ phase }: Pod): boolean => phase === 'draining' || phase === 'leaving';
  const going = state.courses.filter((course) => entriesOf(course).some(({ pod }) => goes(pod)));
  if (going.length === 0 || stays(state, round)) return undefined;
  const movable = going.filter((course) => !isRefused(course, state.set, round.reports));
  if (movable.length === 0) return undefined;
  const moving = state.courses.some(({ target, sources }) => sources.length > 0 && remains(target));
  const next =
    moving || !round.fleet.trusted ? undefined : movable.find(({ target }) => target?.pod.phase === 'draining');
  if (next === undefined && (!round.fleet.trusted || isComing(state, round.reports))) block(state, round);
  return next;
}

const entriesOf = ({ target, sources }: SlotCourse): Holding[] => (target === undefined ? [] : [target, ...sources]);

/** A socket of the set is on its way on a pod that stays. */
const isComing = ({ set, courses, homes }: SetState, reports: Reports): boolean =>
  courses.some(({ id, target }) => {
    // Placed by this very plan.
    if (homes.get(id) !== target?.pod) return true;
    return target !== undefined && remains(target) && !reports.failed(target, set);
  });

/** An absent pod will soon be known to live or to be dead. */
const remains = (target: Holding | undefined): boolean => target?.pod.phase === 'up' || target?.pod.phase === 'absent';

function block(state: SetState, { blocked }: Round): void {
  for (const pod of state.occupied) if (pod.draining) blocked.add(pod);
}

function settleAt(state: SetState, pod: Pod, id: SlotID): void {
  state.occupied.add(pod);
  state.homes.set(id, pod);
}

const epochOf = (state: SetState, id: SlotID, { observed }: Round): number =>
  nextEpoch(
    id,
    state.holdings.filter((holding) => holding.id === id),
    observed,
  );
