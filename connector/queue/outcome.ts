/** How an event can end, and the counters of that (design rules 5 and 13). */

import type { FilterReason } from '../event/filter.ts';

/** Why an event that was read is not on the queue. Each is a loss that people should know about. */
export type FailReason =
  /** The frame was not an event. */
  | 'malformed'
  /** The frame was above `MAX_TEXT_BYTES`. */
  | 'too_large'
  /** It can't be written as JSON: nested too deeply. */
  | 'unencodable'
  /** Redis was away or full for so long that `RELAX_BUFFER_BYTES` ran out. */
  | 'buffer_full'
  /** It waited for more than half the dedupe window; its marks elsewhere may be gone. */
  | 'stale'
  /** The process ended before Redis took it. */
  | 'shutdown'
  /** Redis refused this one event permanently; the observer gets the error. */
  | 'refused';

export type Outcome =
  | { kind: 'queued' }
  | { kind: 'duplicate' }
  | { kind: 'fenced' }
  | { kind: 'filtered'; reason: FilterReason }
  | { kind: 'failed'; reason: FailReason };

const FAILS_AGAIN: Readonly<Record<FailReason, boolean>> = {
  malformed: true,
  too_large: true,
  unencodable: true,
  refused: true,
  buffer_full: false,
  stale: false,
  shutdown: false,
};

/** Whether another delivery of the same event would end in the same way: only then is it acknowledged (design rule 5). */
export const isFinal = (outcome: Outcome): boolean => outcome.kind !== 'failed' || FAILS_AGAIN[outcome.reason];
/** Of a copy that came while the event waited. */
export const copyOutcome = (outcome: Outcome): Outcome => (outcome.kind === 'queued' ? DUPLICATE : outcome);
const DUPLICATE: Outcome = { kind: 'duplicate' };

/** Called once for each event, when its outcome is final: the moment to acknowledge it to Slack. */
export type Settled = (outcome: Outcome) => void;

export interface OutcomeCounts {
  /** The sum of all others and `pending`, at every moment. */
  offered: number;
  queued: number;
  /** Includes events of this publisher whose first reply was lost. */
  duplicate: number;
  filtered: number;
  fenced: number;
  failed: Readonly<Record<FailReason, number>>;
  /** In the buffer or in flight. */
  pending: number;
}

/** Every offered event ends in exactly one of its counters. */
export class OutcomeCounter {
  #offered = 0;
  readonly #of = { queued: 0, duplicate: 0, filtered: 0, fenced: 0 };
  readonly #failed: Record<FailReason, number> = {
    malformed: 0,
    too_large: 0,
    unencodable: 0,
    buffer_full: 0,
    stale: 0,
    shutdown: 0,
    refused: 0,
  };

  offered(): void {
    this.#offered += 1;
  }

  count(outcome: Outcome): void {
    if (outcome.kind === 'failed') this.#failed[outcome.reason] += 1;
    else this.#of[outcome.kind] += 1;
  }

  read(pending: number): OutcomeCounts {
    return { offered: this.#offered, ...this.#of, failed: { ...this.#failed }, pending };
  }
}
