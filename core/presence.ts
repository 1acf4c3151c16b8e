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

/**
 * @param session the last one known of this pod name, whether or not Redis still has it
 * @param sinceRenewalMs how long ago it was last renewed. A draining session's key outlives its process, so that the key
 * is there says nothing
 * @param mayReturnMs what is left of the time in which a pod that drained may come back
 */
export function presenceOf(session: Session | undefined, sinceRenewalMs: number, mayReturnMs: number): Presence {
  if (session === undefined) return 'lost';
  if (session.left !== true && sinceRenewalMs < SESSION_TTL_MS) return 'present';
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
