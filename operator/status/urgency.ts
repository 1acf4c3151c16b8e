/** How soon a change of a status is written (design rule 12). */
export type Urgency =
  /** Nothing that is worth a write has changed. */
  | 'none'
  /** Bad news, the first status, and the answer to a change of the spec: at once, before all others. */
  | 'bad'
  /** Sockets came up: changes within a second become one write. */
  | 'good'
  /** One socket of several is missing, usually for a second: written only if it stays missing. */
  | 'flap';

/** How long a change is held back for others to follow. */
export const HOLD_MS: Record<Exclude<Urgency, 'none'>, number> = { bad: 0, good: 1_000, flap: 10_000 };
