/** A steady stream of events, by the clock: what was late is made up for, so that the number is exact in the end. */
export interface Pace {
  perSecond: number;
  events: number;
}

/** How many events should have been sent this long after the beginning. */
export const dueAfter = ({ perSecond, events }: Pace, elapsedMs: number): number =>
  Math.min(events, Math.floor((elapsedMs * perSecond) / 1000) + 1);
