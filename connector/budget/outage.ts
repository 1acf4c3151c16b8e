/** Probing with a few teams while Slack as a whole fails (design rule 11, ADR 0023). `outage-state.ts` decides. */

import type { Log } from '../../core/process/log.ts';
import type { Timers } from '../../core/process/timers.ts';
import type { RetryReason } from '../../core/protocol/report.ts';
import { NO_OUTAGE, nextProbe, type OutageState, onFailure, onUnused } from './outage-state.ts';

/** One attempt that waits. */
interface Waiting {
  streamID: string;
  permitted(sparing: boolean): void;
}

/**
 * When Slack as a whole fails, the attempts of a process wait here and only a few probe, so that no team's connects are
 * spent on an outage and Slack is not overrun when it comes back. The first hello lets all of them continue.
 */
export class Outage {
  readonly #timers: Timers;
  readonly #log: Pick<Log, 'warn' | 'info'>;
  #state: OutageState = NO_OUTAGE;
  #cancel: (() => void) | undefined;
  /** In the order of insertion. */
  readonly #waiting = new Set<Waiting>();
  readonly #listeners = new Set<() => void>();

  constructor(timers: Timers, log: Pick<Log, 'warn' | 'info'>) {
    this.#timers = timers;
    this.#log = log;
  }

  get isDeclared(): boolean {
    return this.#state.declared !== undefined;
  }

  /**
   * @param permitted called once when the caller may go on, perhaps before this returns; `sparing`: as a probe, with what its
   * team can spare
   * @returns gives the place up; only the first call counts
   */
  pass(streamID: string, permitted: (sparing: boolean) => void): () => void {
    if (!this.isDeclared) {
      permitted(false);
      return () => {};
    }
    const place: Waiting = { streamID, permitted };
    this.#waiting.add(place);
    this.#arm();
    return () => {
      this.#waiting.delete(place);
    };
  }

  /** @returns ends it */
  onRecovered(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  failed(streamID: string, reason: RetryReason): void {
    const before = this.#state.declared;
    this.#state = onFailure(this.#state, streamID, reason, this.#timers.monotonicMs());
    const { declared } = this.#state;
    if (declared?.isAnnounced !== true || before?.isAnnounced === true) return;
    this.#log.warn({ reason, waiting: this.#waiting.size }, 'Slack is failing for many teams: probing with a few');
  }

  /** An attempt that was permitted made no connect. */
  unused(streamID: string): void {
    const { declared } = this.#state;
    if (declared === undefined) return;
    this.#state = { ...this.#state, declared: onUnused(declared, streamID, this.#timers.monotonicMs()) };
    this.#disarm();
    this.#arm();
  }

  /** A socket has received hello. */
  succeeded(): void {
    const { declared } = this.#state;
    this.#state = NO_OUTAGE;
    if (declared === undefined) return;
    const seconds = Math.round((this.#timers.monotonicMs() - declared.sinceMs) / 1000);
    const fields = { seconds, probes: declared.probes, waiting: this.#waiting.size };
    if (declared.isAnnounced) this.#log.info(fields, 'Slack has recovered');
    this.#disarm();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const recovered of [...this.#listeners]) recovered();
    for (const { permitted } of waiting) permitted(false);
  }

  #disarm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(): void {
    const { declared } = this.#state;
    if (declared === undefined || this.#cancel !== undefined || this.#waiting.size === 0) return;
    const delayMs = Math.max(0, declared.nextProbeAtMs - this.#timers.monotonicMs());
    this.#cancel = this.#timers.after(delayMs, () => this.#probe());
  }

  #probe(): void {
    this.#cancel = undefined;
    const { declared } = this.#state;
    if (declared === undefined) return;
    const waiting = [...this.#waiting];
    const streams = waiting.map(({ streamID }) => streamID);
    const probe = nextProbe(declared, streams, this.#timers.monotonicMs());
    const place = probe === undefined ? undefined : waiting[probe.index];
    if (probe === undefined || place === undefined) return;
    this.#state = { ...this.#state, declared: probe.declared };
    this.#waiting.delete(place);
    place.permitted(probe.sparing);
    this.#arm();
  }
}
