import { fnv1a } from '../../core/protocol/fnv-1a.ts';

/** How many a socket remembers: Slack repeats the latest, if any. */
const MOST = 8;

/**
 * When a socket last brought an event that every socket of its token gets. A copy that Slack repeats over it is no news.
 * Remembered are hashes: of thousands of sockets, the texts would weigh megabytes and be slow to get at. Two events of one
 * hash are taken for a repetition once, which the next event makes up for.
 */
export class CopiedEvents {
  readonly #recent: number[] = [];
  #atMs = Number.NEGATIVE_INFINITY;

  /** Monotonic; -Infinity before the first. */
  get atMs(): number {
    return this.#atMs;
  }

  /** @param event identifies it; undefined for one that not every socket gets */
  read(event: string | undefined, nowMs: number): void {
    if (event === undefined) return;
    const hash = fnv1a(event);
    if (this.#recent.includes(hash)) return;
    if (this.#recent.push(hash) > MOST) this.#recent.shift();
    this.#atMs = nowMs;
  }
}
