import type { Log } from '../../core/process/log.ts';
import type { Timers } from '../../core/process/timers.ts';
import { type SlotStatus, sameStatus, statusOf, waitUntilMs } from './slot-status.ts';
import type { Input, SlotState } from './state.ts';

export interface TransitionObserver {
  transition?(change: { from: SlotStatus['state']; to: SlotStatus['state']; cause: Input['type'] }): void;
}

export interface TellerDeps {
  /** For the waits that reports show; see `SlotReport.waitUntilMs`. */
  redisNowMs(): number;
  timers: Pick<Timers, 'monotonicMs'>;
  log: Log;
  observer?: TransitionObserver;
}

/** The slot that tells. */
export interface TellingSlot {
  /** In log lines. */
  names(): Readonly<Record<string, string>>;
  onStatus(): void;
}

/** What a slot tells of itself, on changes only: its status, a log line, a count. */
export class SlotTeller {
  readonly #deps: TellerDeps;
  readonly #slot: TellingSlot;
  #status: SlotStatus;

  constructor(status: SlotStatus, deps: TellerDeps, slot: TellingSlot) {
    this.#status = status;
    this.#deps = deps;
    this.#slot = slot;
  }

  /** As it was last told. */
  get status(): SlotStatus {
    return this.#status;
  }

  /** @param cause the input that led to this state */
  tell(state: SlotState, cause: Input['type']): void {
    const { observer, log } = this.#deps;
    const before = this.#status;
    const now = this.#statusOf(state);
    if (state.life === 'stopped' || sameStatus(before, now)) return;
    this.#status = now;
    if (before.state !== now.state) {
      const change = { from: before.state, to: now.state, cause };
      observer?.transition?.(change);
      const level = now.state === 'failed' ? 'warn' : 'debug';
      const { reason, message } = now;
      log[level]({ ...this.#slot.names(), ...change, reason, detail: message }, 'socket state changed');
    }
    this.#slot.onStatus();
  }

  /** Converts the slot's monotonic clock to Redis time, which others read. */
  #statusOf(state: SlotState): SlotStatus {
    const { timers, redisNowMs } = this.#deps;
    const inMs = (untilMs: number): number => untilMs - timers.monotonicMs();
    const wait = waitUntilMs(state, this.#status.waitUntilMs, redisNowMs(), inMs);
    return { ...statusOf(state), waitUntilMs: wait };
  }
}
