/**
 * When the next batch is sent, and how large it may be. Beyond 50 events a batch saves nothing, and every other client of
 * Redis has to wait for it (measured in docs/redis.md).
 */
export const MAX_BATCH_EVENTS = 50;
export const MAX_BATCH_BYTES = 1_048_576;
/** Batches under way at once. More gain nothing: Redis runs them one after the other (ADR 0025). */
export const MAX_IN_FLIGHT = 8;
/** Between two batches that are not full: each costs more than an event does. */
const PACE_MS = 20;
/** For what is read in the same turn of the event loop. */
const COMPANY_MS = 1;

export interface Waiting {
  /** In lanes of which nothing is under way. */
  events: number;
  /** A person waits for them. */
  areUrgent: boolean;
  oldestAgeMs: number;
  /** Since the last batch was sent. */
  sinceBatchMs: number;
  /** As many batches are under way as may be. */
  isBusy: boolean;
  /** Milliseconds until a batch that failed may be tried again; 0 or less when none did. */
  retryInMs: number;
  /** No more events will come, so waiting for a fuller batch is pointless. */
  draining: boolean;
}

/**
 * When little comes, a batch follows the last one after 20 ms; when much comes, as soon as it is full. What the last one had
 * no room for waits no longer than 20 ms in all: urgent events that keep coming would go before it for ever.
 * @returns ms until the next batch is due, 0 for now, undefined when something else must happen first
 */
export function nextFlushMs(waiting: Waiting): number | undefined {
  const { events, areUrgent, oldestAgeMs, sinceBatchMs, isBusy, retryInMs, draining } = waiting;
  if (isBusy || events === 0) return undefined;
  if (retryInMs > 0) return retryInMs;
  if (draining || events >= MAX_BATCH_EVENTS) return 0;
  const paceMs = areUrgent ? 0 : PACE_MS - Math.max(sinceBatchMs, oldestAgeMs);
  return Math.max(0, COMPANY_MS - oldestAgeMs, paceMs);
}

/** A lane that events can be taken from now. */
export interface OpenLane {
  /** Monotonic time at which its oldest event was offered. */
  headAtMs: number;
  /** Most events of a batch that this lane is part of. */
  limit: number;
}

/** The order in which a batch is filled from them: the oldest first, so that none starves. */
export const inOrder = <L extends OpenLane>(lanes: L[]): L[] => lanes.sort((a, b) => a.headAtMs - b.headAtMs);

/**
 * Maximum number of events in the next batch of a lane. A batch that Redis cuts off repeatedly may be too large as a whole, so half
 * of it is tried, down to the single event at fault. The size grows back as fast as it shrank.
 */
export function batchLimit(before: number, tried: number, end: BatchEnd): number {
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

export type BatchEnd = 'answered' | 'cutOff' | 'failed';
