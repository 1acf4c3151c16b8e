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

  /** @throws if it is nothing that Relax writes; what was known stays */
  take(text: string): void {
    if (text !== this.#current.text) this.#current = parseSteps(text);
  }

  /** An event of this bucket is about to be looked for. */
  noteBucket(bucket: number): void {
    if (this.#newestBucket === undefined || bucket > this.#newestBucket) this.#newestBucket = bucket;
  }

  /** The newest bucket since the last call; undefined if there was none. */
  takeNewestBucket(): number | undefined {
    const newest = this.#newestBucket;
    this.#newestBucket = undefined;
    return newest;
  }
}
