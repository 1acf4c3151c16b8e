import { SESSION_TTL_MS } from '../../core/protocol/session.ts';

/** What a draining connector knows of itself. */
export interface DrainFacts {
  /** Slots that this pod still holds. */
  slots: number;
  /** The planner has moved what it could, or this pod's name or its scope is another's. */
  released: boolean;
  /** Ms since Redis last granted a renewal. */
  redisAwayMs: number;
  /** Events that Redis has not taken yet. */
  pending: number;
  /** Ms since SIGTERM. */
  elapsedMs: number;
  /** From SIGTERM to SIGKILL. */
  graceMs: number;
}

/** What is kept of the grace time to close sockets and empty the buffer (design rule 6). */
const CLOSING_MS = 5_000;

export type DrainEnd = 'empty' | 'released' | 'grace' | 'redisAway';

/**
 * @returns why to close the rest now; undefined while it is better to go on.
 * Without Redis nobody will release this pod, so waiting has a point only for events in the buffer: they exist nowhere
 * else. A pod with none waits one lease, which is how long it takes the planner to notice a Redis that came back.
 */
export function drainEnd(facts: DrainFacts): DrainEnd | undefined {
  if (facts.elapsedMs >= facts.graceMs - CLOSING_MS) return 'grace';
  if (facts.slots === 0) return 'empty';
  if (facts.released) return 'released';
  if (facts.pending === 0 && facts.redisAwayMs >= SESSION_TTL_MS) return 'redisAway';
  return undefined;
}
