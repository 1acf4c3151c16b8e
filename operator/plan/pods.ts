/** The state of each pod for one plan: up, draining, leaving, absent or dead (design rule 10). Pure. */

import { SESSION_RENEW_MS, SESSION_TTL_MS } from '../../core/protocol/session.ts';
import { hash32 } from './rendezvous.ts';
import type { PlanInput, PodView } from './types.ts';

/**
 * How long a session key may be absent before its pod is called dead. The key itself outlives the last renewal by its TTL (a
 * draining one by `DRAIN_RETURN_MS`), so this only covers one late renewal.
 */
const DEAD_GRACE_MS = SESSION_RENEW_MS;
/** How long Redis must have been read without interruption before any pod is called dead: a TTL and one renewal. */
export const SETTLE_MS = SESSION_TTL_MS + SESSION_RENEW_MS;

/** New slots wait until the youngest pod of a gathering fleet is this old, so that its first pods don't get all of them. */
const GATHER_QUIET_MS = 1_500;
/** A fleet with a pod older than this is no longer gathering. */
const GATHER_MAX_MS = 10_000;

export type PodPhase =
  | 'up'
  /** Shutting down, and expected back under its name. */
  | 'draining'
  /** Not expected back, and not known to be dead: up, draining or without a session. */
  | 'leaving'
  /** No session, but not known to be dead: it may be running. */
  | 'absent'
  | 'dead';

/** A pod as one plan sees it. What it holds while the plan is made is in the ledger. */
export interface Pod {
  readonly name: string;
  readonly hash: number;
  readonly phase: PodPhase;
  /** Its process is shutting down, and its session still exists. */
  readonly draining: boolean;
  /** Its zone; an unknown zone is a zone of its own. */
  readonly zone: string;
  readonly capacity: number;
  /** May get new slots, up to its capacity. */
  readonly open: boolean;
  /** What is planned for it may be written now. */
  readonly writable: boolean;
}

/** Every pod that is observed or has assignments, by name. */
export function podsOf(input: PlanInput): ReadonlyMap<string, Pod> {
  const pods = new Map<string, Pod>();
  for (const view of input.pods) pods.set(view.name, podOf(view, input));
  for (const name of input.assignments.keys()) {
    if (!pods.has(name)) pods.set(name, podOf(unseen(name), input));
  }
  return pods;
}

/** Whether the fleet is still gathering: placing slots before its other pods have joined has no benefit. */
export function gathers(input: PlanInput): boolean {
  let youngestMs = Number.POSITIVE_INFINITY;
  let oldestMs = 0;
  for (const { session, firstSeenMs } of input.pods) {
    if (session?.state !== 'up') continue;
    const ageMs = firstSeenMs === undefined ? Number.POSITIVE_INFINITY : input.nowMs - firstSeenMs;
    youngestMs = Math.min(youngestMs, ageMs);
    oldestMs = Math.max(oldestMs, ageMs);
  }
  return youngestMs < GATHER_QUIET_MS && oldestMs < GATHER_MAX_MS;
}

const unseen = (name: string): PodView => ({
  name,
  session: undefined,
  version: 0,
  lastSeenMs: undefined,
  firstSeenMs: undefined,
  takesSlots: true,
  returns: true,
});

function podOf(view: PodView, input: PlanInput): Pod {
  const { name, session } = view;
  const lost = input.lost.has(name);
  const phase = phaseOf(view, input);
  // A lost hash is written whole: leaving out a slot that is merely not reported yet would close a socket.
  const writable = !lost || (input.settled && input.synced);
  const capacity = session?.capacity ?? 0;
  return {
    name,
    hash: hash32(name),
    phase,
    draining: session?.state === 'draining',
    zone: session === undefined || session.zone === '' ? `?${name}` : session.zone,
    capacity,
    open: phase === 'up' && view.takesSlots && capacity > 0 && writable,
    writable,
  };
}

function phaseOf({ session, lastSeenMs, returns }: PodView, { settled, nowMs }: PlanInput): PodPhase {
  if (session !== undefined) return returns ? session.state : 'leaving';
  if (settled && (lastSeenMs === undefined || nowMs - lastSeenMs >= DEAD_GRACE_MS)) return 'dead';
  return returns ? 'absent' : 'leaving';
}
