import type { Slot } from './assignment.ts';
import type { SlotReport } from './report.ts';
import { SESSION_TTL_MS, type Session } from './session.ts';

/**
 * Whether a socket is live, judged from what Redis holds: the one rule for the operator, standalone mode and
 * `relax status`. Pure.
 */

export type Presence =
  /** Its process renews the session, so its reports hold. */
  | 'present'
  /** It shut down gracefully, or was killed while it drained, and may still come back under its name. */
  | 'returning'
  /** Its lease has expired, or it never had one. */
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
  // While a pod is up, its key lives as long as its lease. The key of a draining pod outlives the process, and a key that
  // Redis lost is gone too early: in both cases the last renewal decides.
  const renewed = (held && session.state === 'up') || (renewedAgoMs ?? Number.POSITIVE_INFINITY) < SESSION_TTL_MS;
  if (renewed && session.left !== true) return 'present';
  return session.state === 'draining' && mayReturnMs > 0 ? 'returning' : 'lost';
}

/** The report that answers exactly this assignment, from the current process; undefined if nothing is known. */
export function reportOf(
  presence: Presence,
  session: Pick<Session, 'incarnation'> | undefined,
  slot: Pick<Slot, 'epoch'>,
  report: SlotReport | undefined,
): SlotReport | undefined {
  if (presence !== 'present' || session === undefined || report === undefined) return undefined;
  return report.incarnation === session.incarnation && report.epoch === slot.epoch ? report : undefined;
}

/** A paused socket counts as live: it waits for Redis, which is a fault of the fleet and not of the bot (design rule 12). */
export const isLiveState = (state: SlotReport['state'] | undefined): boolean => state === 'live' || state === 'paused';

/** Why a slot of a pod that is not present has no socket. */
export const AWAY_REASON = { returning: 'PodReturning', lost: 'ConnectorLost' } as const satisfies Record<
  Exclude<Presence, 'present'>,
  string
>;
