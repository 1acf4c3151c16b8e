import { backoffMs } from '../../core/process/backoff.ts';
import { MAX_IN_FLIGHT } from './batcher.ts';

/** Quick after a short break, rarely while Redis stays away. */
const RETRY = { baseMs: 50, capMs: 2_000 };

/**
 * When something that failed may be tried again, and with how many batches at once: with one until it works, then twice as
 * many with each that does.
 */
export class BackoffGate {
  #failures = 0;
  #retryAtMs = 0;
  #most = MAX_IN_FLIGHT;
  /** Batches up to this one were sent before the last failure was known: what becomes of them is no news. */
  #knownUpTo = -1;

  /** Most batches under way. */
  get most(): number {
    return this.#most;
  }

  /** 0 or less: now. */
  retryInMs(nowMs: number): number {
    return this.#retryAtMs - nowMs;
  }

  /**
   * @param batch serial number of the batch that failed
   * @param lastBatch that of the last one that was sent
   */
  failed(nowMs: number, batch: number, lastBatch: number): void {
    if (batch <= this.#knownUpTo) return;
    this.#knownUpTo = lastBatch;
    this.#retryAtMs = nowMs + backoffMs(this.#failures, RETRY, Math.random());
    this.#failures += 1;
    this.#most = 1;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#most = Math.min(MAX_IN_FLIGHT, this.#most * 2);
  }

  retryNow(): void {
    this.#retryAtMs = 0;
  }
}
