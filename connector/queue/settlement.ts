import type { QueueEntry } from './buffer.ts';
import {
  copyOutcome,
  type FailReason,
  type Outcome,
  OutcomeCounter,
  type OutcomeCounts,
  type Settled,
} from './outcome.ts';
import { type PublisherObserver, tell } from './publisher-observer.ts';

/** An event of a batch, and its outcome; undefined if it is sent again. */
export interface SettledEntry {
  entry: QueueEntry;
  outcome: Outcome | undefined;
}

/** Gives each event its one final outcome: counts it once, then calls whoever waits for it (design rule 13). */
export class Settlement {
  readonly #observer: PublisherObserver;
  readonly #counter = new OutcomeCounter();

  constructor(observer: PublisherObserver) {
    this.#observer = observer;
  }

  offered(): void {
    this.#counter.offered();
  }

  /** For events that never waited. */
  settle(outcome: Outcome, settled: Settled | undefined): void {
    this.#counter.count(outcome);
    this.#tell(outcome, settled, 0);
  }

  /**
   * Each with the copies that share its outcome. All are counted before the first callback, because callbacks may read the
   * counts or offer more events.
   */
  settleAll(entries: readonly SettledEntry[], nowMs: number): void {
    for (const { entry, outcome } of entries) {
      if (outcome === undefined) continue;
      this.#counter.count(outcome);
      for (const _ of entry.copies ?? []) this.#counter.count(copyOutcome(outcome));
    }
    for (const { entry, outcome } of entries) {
      if (outcome === undefined) continue;
      this.#tell(outcome, entry.settled, nowMs - entry.offeredAtMs);
      for (const copy of entry.copies ?? []) {
        this.#tell(copyOutcome(outcome), copy.settled, nowMs - copy.offeredAtMs);
      }
    }
  }

  giveUp(entries: readonly QueueEntry[], reason: FailReason, nowMs: number): void {
    this.settleAll(
      entries.map((entry) => ({ entry, outcome: { kind: 'failed', reason } })),
      nowMs,
    );
  }

  counts(pending: number): OutcomeCounts {
    return this.#counter.read(pending);
  }

  #tell(outcome: Outcome, settled: Settled | undefined, waitedMs: number): void {
    tell(this.#observer, () => this.#observer.settled?.(outcome, waitedMs));
    if (settled !== undefined) tell(this.#observer, () => settled(outcome));
  }
}
