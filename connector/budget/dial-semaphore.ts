/** TLS handshakes of this many dials keep a core busy without holding up the live sockets. */
const DEFAULT_LIMIT = 50;

/**
 * Bounds the concurrent dials of a process, first come, first served, so that thousands of slots starting at once neither
 * stall it nor let Slack's URLs expire before they are used.
 */
export class DialSemaphore {
  readonly #limit: number;
  #dialing = 0;
  #isGiving = false;
  /** In the order of insertion. */
  readonly #waiting = new Set<() => void>();

  constructor(limit = DEFAULT_LIMIT) {
    this.#limit = limit;
  }

  /**
   * @param permitted called once when it is the caller's turn, perhaps before this returns
   * @returns gives the turn back, or the place in the line; only the first call counts
   */
  join(permitted: () => void): () => void {
    let hasTurn = false;
    let left = false;
    const take = (): void => {
      hasTurn = true;
      this.#dialing += 1;
      permitted();
    };
    if (this.#dialing < this.#limit) take();
    else this.#waiting.add(take);
    return () => {
      if (left) return;
      left = true;
      if (!hasTurn) this.#waiting.delete(take);
      else this.#giveOn();
    };
  }

  #giveOn(): void {
    this.#dialing -= 1;
    // Thousands may give their turn back as soon as they get it.
    if (this.#isGiving) return;
    this.#isGiving = true;
    for (const next of this.#waiting) {
      if (this.#dialing >= this.#limit) break;
      this.#waiting.delete(next);
      next();
    }
    this.#isGiving = false;
  }
}
