import type { Slot } from './assignment.ts';
import type { SlotReport } from './report.ts';
import { SESSION_TTL_MS, type Session } from './session.ts';

/**
 * Whether a socket lives, from what Redis holds. The one answer to that for the operator, standalone mode and
 * `relax status`; pure.
 */

export type Presence =
  /** Its process renews the session: what it reports is so. */
  | 'present'
  /** It left in an orderly way, or was ended while it drained, and may still come back under its name. */
  | 'returning'
  /** Its lease has run out, or it never had one. */
  | 'lost';

export interface SessionFacts {
  /** The last one known under this pod name, whether or not Redis still has it. */
  session: Session | undefined;
  /** Redis has it now. */
  held: boolean;
  /** How long ago it was last renewed; undefined if that is not known. */
  renewedAgoMs: number | undefined;
  /** What is left of the time in which a pod that drained may come back. */
  mayReturnMs: number;
}

export function presenceOf({ session, held, renewedAgoMs, mayReturnMs }: SessionFacts): Presence {
  if (session === undefined) return 'lost';
  // The key of a pod that is up lives as long as its lease. That of one that drains outlives the process, and one that
  // Redis has lost died before its time: there the last renewal tells.
  const renewed = (held && session.state === 'up') || (renewedAgoMs ?? Number.POSITIVE_INFINITY) < SESSION_TTL_MS;
  if (renewed && session.left !== true) return 'present';
  return session.state === 'draining' && mayReturnMs > 0 ? 'returning' : 'lost';
}

/** The report that answers this very assignment, by the process that runs now; undefined: nothing is known. */
export function reportOf(
  presence: Presence,
  session: Pick<Session, 'incarnation'> | undefined,
  slot: Pick<Slot, 'epoch'>,
  report: SlotReport | undefined,
): SlotReport | undefined {
  if (presence !== 'present' || session === undefined || report === undefined) return undefined;
  return report.incarnation === session.incarnation && report.epoch === slot.epoch ? report : undefined;
}

/** A paused socket is up: reading waits for Redis, which is the fleet's fault and no bot's (design rule 12). */
export const isLiveState = (state: SlotReport['state'] | undefined): boolean => state === 'live' || state === 'paused';

/** Why a slot of a pod that is not present has no socket. */
export const AWAY_REASON = { returning: 'PodReturning', lost: 'ConnectorLost' } as const satisfies Record<
  Exclude<Presence, 'present'>,
  string
>;
