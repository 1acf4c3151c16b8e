/** Readiness reasons about the queue, from what Redis answered to batches. */

import { NO_CONNECTION, redisErrorText } from '../../core/redis/fault.ts';
import { type AclNames, passingFault } from './redis-answer.ts';

/** A shorter break of the connection is not reported. */
const AWAY_AFTER_MS = 2_000;

/** What is wrong between the connector and the queue, in words that a person can act on. */
export class QueueHealth {
  readonly #names: AclNames;
  /** Of a batch as a whole. */
  #fault: string | undefined;
  /** Key of a list -> what was refused of the last batch that had events for it. */
  readonly #faultsOf = new Map<string, readonly string[]>();
  #away: { sinceMs: number; error: string } | undefined;

  constructor(names: AclNames = {}) {
    this.#names = names;
  }

  /** Redis answered a batch with events for this list. @param faults what it refused, if anything */
  answered(list: string, faults: readonly string[]): void {
    this.#fault = undefined;
    this.#away = undefined;
    if (faults.length === 0) this.#faultsOf.delete(list);
    else this.#faultsOf.set(list, faults);
  }

  /** A batch got no answer, or an error for the whole of it. */
  failed(error: unknown, nowMs: number): void {
    const words = passingFault(error, this.#names);
    if (words !== undefined) {
      this.#fault = words;
      this.#faultsOf.clear();
      this.#away = undefined;
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
    if (away === undefined || nowMs - away.sinceMs < AWAY_AFTER_MS) {
      return [
        ...new Set([...(this.#fault === undefined ? [] : [this.#fault]), ...[...this.#faultsOf.values()].flat()]),
      ];
    }
    return [`Redis has accepted no event for ${Math.round((nowMs - away.sinceMs) / 1000)} s: ${away.error}`];
  }
}
