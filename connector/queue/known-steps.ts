import { type DedupeSteps, parseSteps } from '../../core/protocol/dedupe-steps.ts';

/** The steps of one queue's dedupe memory, as this process last saw them in Redis, which alone decides. */
export class KnownSteps {
  #current: DedupeSteps;
  #newestBucket: number | undefined;

  constructor(first: DedupeSteps) {
    this.#current = first;
  }

  get current(): DedupeSteps {
    return this.#current;
  }

  /** @returns false for what is none of Relax's; then nothing changes */
  take(text: string): boolean {
    if (text === this.#current.text) return true;
    const steps = parseSteps(text);
    if (steps !== undefined) this.#current = steps;
    return steps !== undefined;
  }

  /** An event of this bucket is about to be looked for; undefined for one that is in none. */
  noteBucket(bucket: number | undefined): void {
    if (bucket === undefined) return;
    if (this.#newestBucket === undefined || bucket > this.#newestBucket) this.#newestBucket = bucket;
  }

  /** The newest bucket since the last call; undefined if there was none. */
  takeNewestBucket(): number | undefined {
    const newest = this.#newestBucket;
    this.#newestBucket = undefined;
    return newest;
  }
}
