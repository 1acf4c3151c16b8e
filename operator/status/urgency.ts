/** How soon a change of a status is written (design rule 12). */
export type Urgency =
  /** Nothing that a reader could act on has changed. */
  | 'none'
  /** Bad news, the first status, and the answer to a change of the spec: at once, before all others. */
  | 'bad'
  /** Sockets came up: what comes within a second is one write. */
  | 'good'
  /** One socket of several is missing, usually for a second: written only if it stays missing. */
  | 'flap';

/** How long a change may wait for what follows it. */
export const HOLD_MS: Record<Exclude<Urgency, 'none'>, number> = { bad: 0, good: 1_000, flap: 10_000 };
