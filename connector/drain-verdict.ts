/** Decides when a draining connector closes its remaining sockets. Pure (design rule 6). */

import { SESSION_TTL_MS } from '../core/protocol/session.ts';

/** What a draining connector knows about itself. */
export interface DrainFacts {
  /** Slots that this pod still holds. */
  slots: number;
  /** The planner has moved what it could, or this pod's name or its scope is another's. */
  released: boolean;
  /** Ms since Redis last granted a renewal. */
  redisAwayMs: number;
  /** Events that Redis has not taken yet. */
  pending: number;
  /** Envelopes that wait for the application's answer, each for `ANSWER_WITHIN_MS` at most. */
  answers: number;
  /** Ms since SIGTERM. */
  elapsedMs: number;
  /** From SIGTERM to SIGKILL. */
  graceMs: number;
}

/**
 * The part of the grace period reserved for closing sockets and emptying the buffer (design rule 6): at most 4 s for a socket
 * whose events are still to be acknowledged (`SlotRunner.stop`), during which events go on to Redis, and half a second each for
 * what is then left of the buffer and for the session's last write.
 */
const CLOSING_MS = 5_000;

export type DrainEnd = 'empty' | 'released' | 'grace' | 'redisAway';

/**
 * @returns why to close the rest now; undefined while it is better to continue.
 * Without Redis nobody will release this pod, so waiting only makes sense for events in the buffer, which exist nowhere
 * else. A pod without such events waits for one lease: that is how long the planner takes to notice that Redis is back.
 */
export function drainEnd(facts: DrainFacts): DrainEnd | undefined {
  if (facts.elapsedMs >= facts.graceMs - CLOSING_MS) return 'grace';
  // The socket of a slot that has gone stays until its envelopes are acknowledged.
  if (facts.slots === 0 && facts.answers === 0) return 'empty';
  if (facts.released) return 'released';
  if (facts.pending === 0 && facts.redisAwayMs >= SESSION_TTL_MS) return 'redisAway';
  return undefined;
}
