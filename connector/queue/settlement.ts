import type { QueueEntry } from './buffer.ts';
import { type FailReason, type Outcome, OutcomeCounter, type OutcomeCounts, type Settled } from './outcome.ts';
import { type PublisherObserver, tell } from './publisher-observer.ts';

/** An event of a batch, and what became of it; undefined when it is handed over again. */
export interface SettledEntry {
  entry: QueueEntry;
  outcome: Outcome | undefined;
}

/** Brings each event to its one final outcome: counted once, then told to whoever asked. */
export class Settlement {
  readonly #observer: PublisherObserver;
  readonly #counter = new OutcomeCounter();

  constructor(observer: PublisherObserver) {
    this.#observer = observer;
  }

  offered(): void {
    this.#counter.offered();
  }

  /** Of what never waited. */
  settle(outcome: Outcome, settled: Settled | undefined): void {
    this.#counter.count(outcome);
    this.#tell(outcome, settled, 0);
  }

  /** All are counted before anybody is told of one: whoever is told may look at the counts, or offer. */
  settleAll(entries: readonly SettledEntry[], nowMs: number): void {
    for (const { outcome } of entries) if (outcome !== undefined) this.#counter.count(outcome);
    for (const { entry, outcome } of entries) {
      if (outcome !== undefined) this.#tell(outcome, entry.settled, nowMs - entry.offeredAtMs);
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
