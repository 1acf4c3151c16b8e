import { type BucketPolicy, type BucketState, fullBucket, reserveToken } from './token-bucket.ts';

/** client-go's DefaultTypedControllerRateLimiter: the longer of a backoff for each item and a bucket for all retries. */
export interface RetryLimits {
  baseMs: number;
  capMs: number;
  overall: BucketPolicy;
}

export const DEFAULT_RETRY_LIMITS: RetryLimits = {
  baseMs: 5,
  capMs: 1_000_000,
  overall: { perSecond: 10, burst: 100 },
};

/** @param failures before this one, 0 for the first */
export function itemBackoffMs(failures: number, limits: Pick<RetryLimits, 'baseMs' | 'capMs'>): number {
  return Math.min(limits.capMs, limits.baseMs * 2 ** Math.min(failures, 60));
}

export class RetryLimiter<K> {
  readonly #limits: RetryLimits;
  readonly #failures = new Map<K, number>();
  #bucket: BucketState | undefined;

  constructor(limits: RetryLimits = DEFAULT_RETRY_LIMITS) {
    this.#limits = limits;
  }

  /** Counts a failure. @returns how long the key must wait */
  delayMs(key: K, nowMs: number): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const bucket = this.#bucket ?? fullBucket(this.#limits.overall, nowMs);
    const { state, waitMs } = reserveToken(bucket, this.#limits.overall, nowMs);
    this.#bucket = state;
    return Math.max(itemBackoffMs(failures, this.#limits), waitMs);
  }

  failuresOf(key: K): number {
    return this.#failures.get(key) ?? 0;
  }

  forget(key: K): void {
    this.#failures.delete(key);
  }
}
