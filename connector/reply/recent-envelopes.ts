import type { Clock } from '../../core/process/clock.ts';

/** Answers to an envelope come within seconds of it; after this, nothing is known of it any more. */
const REMEMBERED_MS = 60_000;
const MOST = 10_000;

/** What became of the envelopes of the last minute, so that an answer that goes nowhere gets the right reason. */
export class RecentEnvelopes<T> {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** Oldest first. */
  readonly #known = new Map<string, { value: T; untilMs: number }>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#known.size;
  }

  get(id: string): T | undefined {
    const known = this.#known.get(id);
    return known === undefined || known.untilMs <= this.#clock.monotonicMs() ? undefined : known.value;
  }

  put(id: string, value: T): void {
    const nowMs = this.#clock.monotonicMs();
    this.#known.delete(id);
    this.#known.set(id, { value, untilMs: nowMs + REMEMBERED_MS });
    for (const [oldest, { untilMs }] of this.#known) {
      if (untilMs > nowMs && this.#known.size <= MOST) break;
      this.#known.delete(oldest);
    }
  }
}
