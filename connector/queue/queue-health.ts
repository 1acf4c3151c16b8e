/** Readiness reasons about the queue, from what Redis answered to batches. */

import { NO_CONNECTION, redisErrorText } from '../../core/redis/fault.ts';
import { type AclNames, passingFault } from './redis-answer.ts';

/** A shorter break of the connection is not reported. */
const AWAY_AFTER_MS = 2_000;

/** What is wrong between the connector and the queue, in words that a person can act on. */
export class QueueHealth {
  readonly #names: AclNames;
  #faults: readonly string[] = [];
  #away: { sinceMs: number; error: string } | undefined;

  constructor(names: AclNames = {}) {
    this.#names = names;
  }

  /** Redis answered a batch. @param faults what it refused, if anything */
  answered(faults: Iterable<string>): void {
    this.#faults = [...new Set(faults)];
    this.#away = undefined;
  }

  /** A batch got no answer, or an error for the whole of it. */
  failed(error: unknown, nowMs: number): void {
    const words = passingFault(error, this.#names);
    if (words !== undefined) {
      this.answered([words]);
      return;
    }
    const text = redisErrorText(error);
    // While it reconnects, the client only says that there is no connection; the reason is in its error before that.
    const tells = this.#away === undefined || text !== NO_CONNECTION;
    this.#away = { sinceMs: this.#away?.sinceMs ?? nowMs, error: tells ? text : (this.#away?.error ?? text) };
  }

  /** Empty when the queue takes events. */
  faults(nowMs: number): string[] {
    const away = this.#away;
    if (away === undefined || nowMs - away.sinceMs < AWAY_AFTER_MS) return [...this.#faults];
    return [`Redis has accepted no event for ${Math.round((nowMs - away.sinceMs) / 1000)} s: ${away.error}`];
  }
}
