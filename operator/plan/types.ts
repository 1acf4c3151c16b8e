import type { KindFields, Slot, SlotID } from '../../core/protocol/assignment.ts';
import type { SlotReport } from '../../core/protocol/report.ts';
import type { Session } from '../../core/protocol/session.ts';

/** Plain data between reading, planning and writing. `plan` is a pure function from PlanInput to Plan. */

/** What every slot of a set runs, without the token: the plain one stays out of plans, the writer finds and seals it. */
export type SetSpec = Pick<Slot, 'generation' | 'bot' | 'queueNamespace' | 'events' | 'tokenDigest'> & KindFields;

/**
 * The planner's unit: the sockets that one owner (a SlackBot, later a SlackApp) wants in this cluster. A union by `kind`, as
 * `Slot` is. Which pod gets a slot depends on nothing that only one kind has.
 */
export type SocketSet = SetSpec & {
  ownerUid: string;
  /** Sockets wanted, at most one per pod. */
  replicas: number;
};

export interface PodView {
  name: string;
  /** Absent when no session lease is in Redis. */
  session: Session | undefined;
  /** Highest assignment version known for this pod: in Redis, in its session, or in this planner's memory. */
  version: number;
  /** Planner's monotonic time when a session was last seen; undefined if never since this planner became leader. */
  lastSeenMs: number | undefined;
  /**
   * Planner's monotonic time when a session under this name was first seen since this planner became leader. Undefined
   * counts as long ago. While a fleet gathers, new slots wait a moment, so that its first pod does not get them all.
   */
  firstSeenMs: number | undefined;
  /**
   * False while the pod must get no new slots though its session is up: it shares no fleet key with the operator.
   * What it has stays, as it may run on what it holds in memory.
   */
  takesSlots: boolean;
  /**
   * False: no process will come back under this name, since the set of connectors is smaller now, or gone. Nobody waits
   * for such a pod: what it holds is placed elsewhere at once, make before break.
   */
  returns: boolean;
}

export interface PlanInput {
  /** Planner's monotonic time. */
  nowMs: number;
  /** Redis time, for `drainingSinceMs`. */
  redisNowMs: number;
  /** Redis has been read without interruption for TTL + one renewal: only then may a session be called dead. */
  settled: boolean;
  /** The desired sets come from a complete list: only then is an assignment removed for belonging to none. */
  synced: boolean;
  /** Namespaces for which the list is not complete (`ALL_NAMESPACES`: all): what is assigned to bots there stays. */
  unlisted: ReadonlySet<string>;
  /** Owners whose slots up to this generation must be removed, whether or not the list is complete. */
  stopped: Pick<ReadonlyMap<string, { generation: number }>, 'get'>;
  /** Owners without a set whose slots stay regardless, because what they want is not known now. */
  kept: ReadonlySet<string>;
  sets: readonly SocketSet[];
  pods: readonly PodView[];
  /** pod -> slots. What Redis holds, or what this planner knows it held before Redis lost it. */
  assignments: ReadonlyMap<string, ReadonlyMap<SlotID, Slot>>;
  /** pod -> reports of that pod's current incarnation; none for a pod without a session. */
  reports: ReadonlyMap<string, ReadonlyMap<SlotID, SlotReport>>;
  /**
   * Pods whose hash in Redis is missing, short or unreadable though their session holds a version: whatever the plan
   * gives them is written whole, with every slot in `set`, and only when `settled` and `synced`, since a slot that is
   * left out of it closes a socket. What they hold is in `assignments` nevertheless, from memory or from reports. A
   * slot of which only a report is left may have neither bot nor token, and is written that way.
   */
  lost: ReadonlySet<string>;
  /** Owner uid -> planner's monotonic time of the last voluntary move. */
  lastMoveMs: ReadonlyMap<string, number>;
}

/** What the planner decides of a slot; the rest is what the set says. */
export type Placement = Pick<Slot, 'epoch' | 'role' | 'cause'>;

/**
 * A slot to write, without its seal and time of placement: the writer adds `token` and `assignedAtMs`, and keeps the
 * latter while the epoch stays the same.
 */
export type PlannedSlot = SetSpec & Placement;

export interface PodWrite {
  pod: string;
  set: ReadonlyMap<SlotID, PlannedSlot>;
  remove: readonly SlotID[];
}

export type PendingReason =
  /** No connector pod has a session. */
  | 'NoConnectors'
  /** Every pod that may take it is full, is about to leave, or holds another slot of the set. */
  | 'NoEligiblePods'
  /** Its pod shut down gracefully and may still come back under its name. */
  | 'PodReturning'
  /** The fleet is still being observed after a start or a loss of Redis. */
  | 'Observing';

export interface Pending {
  slot: SlotID;
  ownerUid: string;
  reason: PendingReason;
}

export interface Plan {
  writes: readonly PodWrite[];
  /** Slots wanted that no write of this plan and no present assignment serves. */
  pending: readonly Pending[];
  /** Owner uids that this plan moves although nothing forces it: their `lastMoveMs` is now, and each counts against the budget. */
  voluntaryMoves: readonly string[];
  /**
   * Pods whose session is dead. Their slots go elsewhere at once, or are pending; in the dead pod's hash they stay until
   * the new socket is live, so that a pod that returns finds them. A dead pod with an empty hash may be forgotten.
   */
  deadPods: readonly string[];
  /** Draining pods from which nothing is left to move: each is released (`keys.drained`). */
  drainedPods: readonly string[];
}
