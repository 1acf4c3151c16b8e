/** One envelope as it was given to one socket, and what came back. */
export type Delivery = {
  /** Names what is delivered, over all its attempts: see AppEventRecord. */
  id: string;
  eventID: string;
  appID: string;
  envelopeID: string;
  /** Undefined: the app had no socket that could take it. */
  socketID: string | undefined;
  /** 0 for the first. */
  attempt: number;
  sentAtMs: number;
  /** When the first acknowledgement came, over whichever socket. */
  ackedAtMs: number | undefined;
  /** The acknowledgement came when Slack had given this attempt up. */
  late: boolean;
  /** What the acknowledgement carried. */
  payload: unknown;
  /** It carried something for which this kind of envelope has no use. */
  payloadIgnored: boolean;
};

/**
 * `open`: Slack waits, for an acknowledgement or for the next attempt. `givenUp`: no attempt of an event was
 * acknowledged. `dispatchFailed`: the user was told that the app did not answer. `unsubscribed`: not sent, because Slack
 * sends this app no events any more.
 */
export type AppEventState = 'open' | 'acked' | 'givenUp' | 'dispatchFailed' | 'unsubscribed';

/** Something that Slack told an app of: an event, a slash command, an interaction. */
export type AppEventRecord = {
  /** Read off the payload alone by `eventIDOf`, wherever it turns up; for a raw envelope its first envelope id. */
  id: string;
  /** Slack's event_id; for commands and interactions the same as `id`. */
  eventID: string;
  appID: string;
  teamID: string;
  /** Of the envelope. */
  envelope: string;
  /** Of the event or of the interaction; the command. */
  type: string;
  atMs: number;
  state: AppEventState;
  attempts: number;
  /** Copies handed to live sockets, counting duplicates made by a fault. */
  deliveries: number;
  /** Copies given to sockets that told nobody: half-open, silent, or ghosts. */
  swallowed: number;
  ackedAtMs: number | undefined;
};

/** What follows on an attempt that nobody acknowledged. */
export type NextStep = { kind: 'retry'; delayMs: number } | { kind: 'end'; state: 'givenUp' | 'dispatchFailed' };

/** `retryDelaysMs`: from the end of each failed attempt to the next. */
export function afterFailure(attempt: number, isRetried: boolean, retryDelaysMs: readonly number[]): NextStep {
  if (!isRetried) return { kind: 'end', state: 'dispatchFailed' };
  const delayMs = retryDelaysMs[attempt];
  return delayMs === undefined ? { kind: 'end', state: 'givenUp' } : { kind: 'retry', delayMs };
}

export type AckLatency = { count: number; maxMs: number; p50Ms: number; p99Ms: number; p999Ms: number };

/** `waits`: how many acknowledgements in time took how many whole milliseconds. */
export function latencyOf(waits: ReadonlyMap<number, number>): AckLatency {
  const sorted = [...waits].sort(([one], [other]) => one - other);
  const count = sorted.reduce((sum, [, times]) => sum + times, 0);
  const at = (share: number): number => {
    let before = 0;
    for (const [waitMs, times] of sorted) {
      before += times;
      if (before >= count * share) return waitMs;
    }
    return 0;
  };
  return { count, maxMs: sorted.at(-1)?.[0] ?? 0, p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) };
}

export type AppEventTotals = Record<AppEventState, number> & {
  emitted: number;
  attempts: number;
  deliveries: number;
  swallowed: number;
};

export function totalsOf(records: readonly AppEventRecord[]): AppEventTotals {
  const totals = {
    emitted: records.length,
    attempts: 0,
    deliveries: 0,
    swallowed: 0,
    open: 0,
    acked: 0,
    givenUp: 0,
    dispatchFailed: 0,
    unsubscribed: 0,
  };
  for (const record of records) {
    totals.attempts += record.attempts;
    totals.deliveries += record.deliveries;
    totals.swallowed += record.swallowed;
    totals[record.state] += 1;
  }
  return totals;
}
