/** Probing with a few teams while Slack as a whole fails (design rule 11). */

import type { Log } from '../../core/process/log.ts';
import type { Timers } from '../../core/process/timers.ts';
import type { RetryReason } from '../../core/protocol/report.ts';

/** What may be Slack's fault as a whole. What Slack says of one team (`MigrationInProgress`, a 429) is not. */
const SYMPTOMS: ReadonlySet<RetryReason> = new Set<RetryReason>([
  ...(['SlackUnavailable', 'SlackAnswerUnreadable', 'ConnectionRefused', 'ConnectionLost', 'HelloTimeout'] as const),
]);
/** So many different teams, or apps, in a row, without a healthy one in between, and within so short a time. */
const TEAMS_IN_A_ROW = 3;
const ROW_MS = 30_000;
/** Time between probes; the last value applies to all later ones. Some probes hang, so none is waited for. */
const PROBE_GAPS_MS = [1_000, 2_000, 3_000];
/** After one that had no connect left, or left it to another slot of its team, the next comes soon. */
const UNUSED_GAP_MS = 100;
/** Probes leave each team its last connect, unless no team had more than one for this long. */
const SPARING_MS = 6_000;

/** @returns the failures of the row, this one included: team -> when it failed last */
function rowAfter(row: ReadonlyMap<string, number>, streamID: string, nowMs: number): Map<string, number> {
  const young = [...row].filter(([, atMs]) => nowMs - atMs < ROW_MS);
  return new Map([...young, [streamID, nowMs]]);
}

const isOutage = (row: ReadonlyMap<string, number>): boolean => row.size >= TEAMS_IN_A_ROW;

export const probeGapMs = (probes: number): number => PROBE_GAPS_MS[Math.min(probes, PROBE_GAPS_MS.length - 1)] ?? 0;

/**
 * When Slack as a whole fails, the attempts of a process wait here and only a few probe, so that no team's connects are
 * spent on an outage and Slack is not overrun when it comes back. The first hello lets all of them continue.
 */
export class Outage {
  readonly #timers: Timers;
  readonly #log: Pick<Log, 'warn' | 'info'>;
  #row: ReadonlyMap<string, number> = new Map();
  #sinceMs: number | undefined;
  /** Losing some sockets is not an outage yet: it is logged only once a probe has failed too. */
  #isAnnounced = false;
  #probes = 0;
  #nextProbeAtMs = 0;
  /** When it was last known that Slack is away. */
  #knownAtMs = 0;
  #cancel: (() => void) | undefined;
  /** In the order of insertion. */
  readonly #waiting = new Map<(sparing: boolean) => void, string>();
  /** Teams that made a connect as a probe. */
  readonly #probed = new Set<string>();
  readonly #listeners = new Set<() => void>();

  constructor(timers: Timers, log: Pick<Log, 'warn' | 'info'>) {
    this.#timers = timers;
    this.#log = log;
  }

  get isDeclared(): boolean {
    return this.#sinceMs !== undefined;
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
    const go = (sparing: boolean): void => permitted(sparing);
    this.#waiting.set(go, streamID);
    this.#arm();
    return () => {
      this.#waiting.delete(go);
    };
  }

  /** @returns ends it */
  onRecovered(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  failed(streamID: string, reason: RetryReason): void {
    if (!SYMPTOMS.has(reason)) return;
    const nowMs = this.#timers.monotonicMs();
    this.#row = rowAfter(this.#row, streamID, nowMs);
    this.#knownAtMs = nowMs;
    if (this.isDeclared && this.#probes > 0) this.#tell(reason);
    if (this.isDeclared || !isOutage(this.#row)) return;
    this.#sinceMs = nowMs;
    this.#probes = 0;
    this.#isAnnounced = false;
    this.#nextProbeAtMs = nowMs;
  }

  /** An attempt that was permitted made no connect. */
  unused(streamID: string): void {
    if (!this.isDeclared) return;
    this.#probed.delete(streamID);
    this.#nextProbeAtMs = Math.min(this.#nextProbeAtMs, this.#timers.monotonicMs() + UNUSED_GAP_MS);
    this.#cancel?.();
    this.#cancel = undefined;
    this.#arm();
  }

  /** A socket has received hello. */
  succeeded(): void {
    this.#row = new Map();
    if (this.#sinceMs === undefined) return;
    const seconds = Math.round((this.#timers.monotonicMs() - this.#sinceMs) / 1000);
    const fields = { seconds, probes: this.#probes, waiting: this.#waiting.size };
    if (this.#isAnnounced) this.#log.info(fields, 'Slack has recovered');
    this.#sinceMs = undefined;
    this.#cancel?.();
    this.#cancel = undefined;
    const waiting = [...this.#waiting.keys()];
    this.#waiting.clear();
    this.#probed.clear();
    for (const recovered of [...this.#listeners]) recovered();
    for (const go of waiting) go(false);
  }

  #tell(reason: RetryReason): void {
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    this.#log.warn({ reason, teams: this.#row.size }, 'Slack is failing for many teams: probing with a few');
  }

  #arm(): void {
    if (this.#cancel !== undefined || this.#waiting.size === 0) return;
    const delayMs = Math.max(0, this.#nextProbeAtMs - this.#timers.monotonicMs());
    this.#cancel = this.#timers.after(delayMs, () => this.#probe());
  }

  #probe(): void {
    this.#cancel = undefined;
    const next = this.#next();
    if (next === undefined) return;
    const [go, streamID] = next;
    this.#waiting.delete(go);
    this.#probed.add(streamID);
    const nowMs = this.#timers.monotonicMs();
    const sparing = nowMs - this.#knownAtMs < SPARING_MS;
    if (!sparing) this.#knownAtMs = nowMs;
    this.#nextProbeAtMs = nowMs + probeGapMs(this.#probes);
    this.#probes += 1;
    go(sparing);
    this.#arm();
  }

  /** Teams that were not asked yet come first: it may be that only the others fail, each for a reason of its own. */
  #next(): [(sparing: boolean) => void, string] | undefined {
    const waiting = [...this.#waiting];
    return waiting.find(([, streamID]) => !this.#probed.has(streamID)) ?? waiting[0];
  }
}
