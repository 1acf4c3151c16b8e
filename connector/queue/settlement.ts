import type { Copy, QueueEntry } from './buffer.ts';
import {
  copyOutcome,
  type FailReason,
  type Outcome,
  OutcomeCounter,
  type OutcomeCounts,
  type Settled,
} from './outcome.ts';
import { type PublisherObserver, threw } from './publisher-observer.ts';

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
   * Each with the copies that share its outcome; an event without one is sent again. All are counted before the first
   * callback, because callbacks may read the counts or offer more events.
   */
  settleAll(entries: readonly QueueEntry[], outcomes: readonly (Outcome | undefined)[], nowMs: number): void {
    for (let at = 0; at < entries.length; at++) {
      const outcome = outcomes[at];
      if (outcome === undefined) continue;
      this.#counter.count(outcome);
      for (const _ of entries[at]?.copies ?? NONE) this.#counter.count(copyOutcome(outcome));
    }
    for (let at = 0; at < entries.length; at++) {
      const entry = entries[at];
      const outcome = outcomes[at];
      if (entry === undefined || outcome === undefined) continue;
      this.#tell(outcome, entry.settled, nowMs - entry.offeredAtMs);
      for (const copy of entry.copies ?? NONE) {
        this.#tell(copyOutcome(outcome), copy.settled, nowMs - copy.offeredAtMs);
      }
    }
  }

  giveUp(entries: readonly QueueEntry[], reason: FailReason, nowMs: number): void {
    const outcome: Outcome = { kind: 'failed', reason };
    this.settleAll(
      entries,
      entries.map(() => outcome),
      nowMs,
    );
  }

  counts(pending: number): OutcomeCounts {
    return this.#counter.read(pending);
  }

  #tell(outcome: Outcome, settled: Settled | undefined, waitedMs: number): void {
    // Not `tell`, which takes a closure: this is done for every event.
    try {
      this.#observer.settled?.(outcome, waitedMs);
    } catch (error) {
      threw(this.#observer, error);
    }
    if (settled === undefined) return;
    try {
      settled(outcome);
    } catch (error) {
      threw(this.#observer, error);
    }
  }
}

const NONE: readonly Copy[] = [];
