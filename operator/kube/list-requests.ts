import type { Timers } from '../../core/process/timers.ts';

interface ListRequest {
  /** For how long the server may give no sign of life. */
  patienceMs: number;
  /** When the server was last heard, by the monotonic clock. */
  lastContactMs: () => number;
  /** Ends the watch or the wait under way, so that the list begins at once. */
  interrupts: boolean;
  signal: AbortSignal;
}

/** Who waits for a list that begins from now on, and what such a request interrupts. */
export class ListRequests {
  readonly #timers: Timers;
  readonly #waiting: ((listed: boolean) => void)[] = [];
  #interruption = new AbortController();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get isPending(): boolean {
    return this.#waiting.length > 0;
  }

  /** Aborts when what is under way is to make room for a list; another one after each list. */
  get interruption(): AbortSignal {
    return this.#interruption.signal;
  }

  /**
   * @returns true once a list that began after this call was taken in; false when it failed, when the server has been
   * quiet for too long, or when `signal` aborted
   */
  ask({ patienceMs, lastContactMs, interrupts, signal }: ListRequest): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const askedAtMs = this.#timers.monotonicMs();
    const give = (): void => resolve(false);
    let cancel = (): void => {};
    const look = (): void => {
      const quietMs = this.#timers.monotonicMs() - Math.max(askedAtMs, lastContactMs());
      if (quietMs >= patienceMs) resolve(false);
      else cancel = this.#timers.after(patienceMs - quietMs, look);
    };
    if (signal.aborted) return Promise.resolve(false);
    look();
    signal.addEventListener('abort', give, { once: true });
    this.#waiting.push(resolve);
    if (interrupts) this.#interruption.abort(new Error('a new list was asked for'));
    return promise.finally(() => {
      cancel();
      signal.removeEventListener('abort', give);
    });
  }

  /**
   * Makes a list and answers all who asked before it began.
   * @param isFirst then it will do for those who ask meanwhile, too
   */
  async answerBy<T>(list: () => Promise<T>, isFirst: boolean): Promise<T> {
    const asking = this.#waiting.splice(0);
    this.#interruption = new AbortController();
    try {
      const result = await list();
      if (isFirst) asking.push(...this.#waiting.splice(0));
      // Whoever is left wants another list at once; else an interruption has had its effect.
      if (!this.isPending) this.#interruption = new AbortController();
      for (const answer of asking) answer(true);
      return result;
    } catch (error) {
      for (const answer of asking) answer(false);
      throw error;
    }
  }

  refuseAll(): void {
    for (const answer of this.#waiting.splice(0)) answer(false);
  }
}
