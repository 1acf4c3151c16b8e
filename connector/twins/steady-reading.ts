/**
 * Since when this process has read without a delay of its own. While its event loop is busy or the process is suspended, what
 * arrives waits, and is read at a time that says nothing about when it was sent.
 */
export class SteadyReading {
  readonly #everyMs: number;
  #beatAtMs: number;
  #sinceMs: number;

  /** @param everyMs how often `beat` is called */
  constructor(everyMs: number, nowMs: number) {
    this.#everyMs = everyMs;
    this.#beatAtMs = nowMs;
    this.#sinceMs = nowMs;
  }

  /** Monotonic. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** A beat that is late by more than two others shows a delay, which ends now. */
  beat(nowMs: number): void {
    if (nowMs - this.#beatAtMs > 3 * this.#everyMs) this.#sinceMs = nowMs;
    this.#beatAtMs = nowMs;
  }
}
