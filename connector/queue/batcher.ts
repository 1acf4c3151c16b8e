/**
 * When the next batch is sent, and how large it may be. Beyond 50 events a batch saves nothing, and every other client of
 * Redis has to wait for it (measured in docs/redis.md).
 */
export const MAX_BATCH_EVENTS = 50;
export const MAX_BATCH_BYTES = 1_048_576;
const MAX_WAIT_MS = 5;

export interface Waiting {
  events: number;
  oldestAgeMs: number;
  /** A batch is in flight: the next must not overtake it. */
  inFlight: boolean;
  /** Milliseconds until a batch that failed may be tried again; 0 or less when none did. */
  retryInMs: number;
  /** No more events will come, so waiting for a fuller batch is pointless. */
  draining: boolean;
}

/** @returns ms until the next batch is due, 0 for now, undefined when something else must happen first */
export function nextFlushMs(waiting: Waiting): number | undefined {
  if (waiting.inFlight || waiting.events === 0) return undefined;
  if (waiting.retryInMs > 0) return waiting.retryInMs;
  if (waiting.draining || waiting.events >= MAX_BATCH_EVENTS) return 0;
  return Math.max(0, MAX_WAIT_MS - waiting.oldestAgeMs);
}

/**
 * Maximum number of events in the next batch. A batch that Redis cuts off repeatedly may be too large as a whole, so half
 * of it is tried, down to the single event at fault. The size grows back as fast as it shrank.
 */
export function batchLimit(before: number, tried: number, end: 'answered' | 'cutOff' | 'failed'): number {
  switch (end) {
    case 'answered':
      return Math.min(MAX_BATCH_EVENTS, before * 2);
    case 'cutOff':
      return Math.max(1, Math.floor(tried / 2));
    case 'failed':
      return before;
    default:
      return end satisfies never;
  }
}
