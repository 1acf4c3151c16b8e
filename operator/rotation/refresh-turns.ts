import { sleep, type Timers } from '../../core/process/timers.ts';

/** At a time, in this process. */
const MOST_AT_ONCE = 4;
/** Slack allows oauth.v2.access 600 times a minute. */
const SPACING_MS = 150;

interface Waiting {
  isUrgent: boolean;
  begin: () => void;
}

/**
 * A bound on calls, so that thousands of tokens that expire together don't reach Slack together: a few at a time, one after the
 * other. Whoever has no working token comes first.
 */
export class RefreshTurns {
  readonly #timers: Timers;
  readonly #stopping: AbortSignal;
  readonly #waiting: Waiting[] = [];
  #running = 0;
  #nextMs = 0;

  constructor(timers: Timers, stopping: AbortSignal) {
    this.#timers = timers;
    this.#stopping = stopping;
    stopping.addEventListener('abort', () => this.#pass(), { once: true });
  }

  /** @returns false: the program ends first */
  async take(isUrgent: boolean): Promise<boolean> {
    const begun = Promise.withResolvers<void>();
    const turn = { isUrgent, begin: begun.resolve };
    const last = isUrgent ? this.#waiting.findIndex((other) => !other.isUrgent) : -1;
    this.#waiting.splice(last === -1 ? this.#waiting.length : last, 0, turn);
    this.#pass();
    await begun.promise;
    const waitMs = this.#nextMs - this.#timers.monotonicMs();
    this.#nextMs = this.#timers.monotonicMs() + Math.max(0, waitMs) + SPACING_MS;
    if (waitMs > 0) await sleep(this.#timers, waitMs, this.#stopping);
    return !this.#stopping.aborted;
  }

  /** After each `take`, whatever it returned. */
  end(): void {
    this.#running -= 1;
    this.#pass();
  }

  #pass(): void {
    while (this.#running < MOST_AT_ONCE || this.#stopping.aborted) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#running += 1;
      next.begin();
    }
  }
}
