/** How many a socket remembers: Slack repeats the latest, if any. */
const MOST = 8;

/** When a socket last brought an event that every socket of its token gets. A copy that Slack repeats over it is no news. */
export class CopiedEvents {
  readonly #recent: string[] = [];
  #atMs = Number.NEGATIVE_INFINITY;

  /** Monotonic; -Infinity before the first. */
  get atMs(): number {
    return this.#atMs;
  }

  /** @param event identifies it; undefined for one that not every socket gets */
  read(event: string | undefined, nowMs: number): void {
    if (event === undefined || this.#recent.includes(event)) return;
    if (this.#recent.push(event) > MOST) this.#recent.shift();
    this.#atMs = nowMs;
  }
}
