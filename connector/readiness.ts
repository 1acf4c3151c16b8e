/** Readiness reasons of a connector: faults of the fleet around it, starting, draining (design rule 12). */

import { SESSION_RENEW_MS } from '../core/protocol/session.ts';

/** What a connector knows of its own health. */
export interface HealthFacts {
  /** Of the publisher, in words. */
  queueFaults: readonly string[];
  /** The buffer is so full that sockets are not read. */
  pressed: boolean;
  /** The same, of the busiest bots only. */
  busiestPressed: boolean;
  session: {
    ageMs: number;
    error: string | undefined;
    rival: string | undefined;
    /** Why nothing may be taken up under this pod's name. */
    barred?: string | undefined;
  };
  contractConflict: string | undefined;
  /** Why the answers of applications are not read, and for how long; undefined while they are. */
  answers: { error: string; forMs: number } | undefined;
  /** Why the start is not over; undefined when it is. */
  adopting: string | undefined;
  draining: boolean;
}

/** What is wrong with the fleet around this pod, in words that a person can act on; goes into its session too. */
export function fleetFaults({
  queueFaults,
  pressed,
  busiestPressed,
  session,
  contractConflict,
  answers,
}: HealthFacts): string[] {
  const faults = [...queueFaults];
  // One renewal may fail without anybody's notice.
  const lapsed = session.ageMs > 2 * SESSION_RENEW_MS;
  if (lapsed && session.rival === undefined && session.barred === undefined) {
    const why = session.error === undefined ? '' : `: ${session.error}`;
    faults.push(`the session lease is not being renewed, is Redis unreachable?${why}`);
  }
  if (session.barred !== undefined) faults.push(session.barred);
  else if (session.rival !== undefined) {
    faults.push('another process holds this pod name: give each connector a RELAX_POD of its own');
  }
  if (contractConflict !== undefined) faults.push(contractConflict);
  // A Redis that is away has been named already.
  if (answers !== undefined && answers.forMs > 2 * SESSION_RENEW_MS && !lapsed) {
    faults.push(`answers of applications are not read: ${answers.error}`);
  }
  if (pressed) faults.push('reading from sockets is paused: the buffer is full until Redis accepts events');
  // Without a number, which changes by the second and would go into the session each time.
  else if (busiestPressed) {
    faults.push('reading is paused for the busiest bots: their events fill the buffer faster than Redis accepts them');
  }
  return faults;
}

/** Empty when ready. */
export function notReady(facts: HealthFacts): string[] {
  // `barred` already says what it waits for.
  const adopting = facts.session.barred === undefined ? facts.adopting : undefined;
  const own = [facts.draining ? 'draining: this process is shutting down' : undefined, adopting];
  return [...fleetFaults(facts), ...own.filter((reason) => reason !== undefined)];
}
