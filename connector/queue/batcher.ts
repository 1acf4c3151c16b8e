/**
 * When the next batch goes, and how large it may be. Beyond 50 events a batch saves nothing and every other client of
 * Redis waits for it; measured in docs/redis.md.
 */
export const MAX_BATCH_EVENTS = 50;
export const MAX_BATCH_BYTES = 1_048_576;
const MAX_WAIT_MS = 5;

export interface Waiting {
  events: number;
  oldestAgeMs: number;
  /** A batch is under way: the next must not overtake it. */
  inFlight: boolean;
  /** Milliseconds until a batch that failed may be tried again; 0 or less when none did. */
  retryInMs: number;
  /** No more events will come, so waiting for a fuller batch is in vain. */
  draining: boolean;
}

/** @returns ms until the next batch is due, 0 for now, undefined when something else must happen first */
export function nextFlushMs(waiting: Waiting): number | undefined {
  if (waiting.inFlight || waiting.events === 0) return undefined;
  if (waiting.retryInMs > 0) return waiting.retryInMs;
  if (waiting.draining || waiting.events >= MAX_BATCH_EVENTS) return 0;
  return Math.max(0, MAX_WAIT_MS - waiting.oldestAgeMs);
}

const PAUSE_AT = 0.8;
const RESUME_AT = 0.5;

/** @param fill 0 empty to 1 full; between the two marks things stay as they are, so that reading does not flutter */
export function underPressure(fill: number, before: boolean): boolean {
  if (fill >= PAUSE_AT) return true;
  return fill > RESUME_AT && before;
}
