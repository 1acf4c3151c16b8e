import type { Timers } from '../../core/process/timers.ts';
import type { HeartbeatWheel } from './heartbeat-wheel.ts';
import { type Input, type SlotState, wakeAtMs } from './state.ts';

/** What a slot's time comes from. */
export interface AlarmDeps {
  heartbeats: Pick<HeartbeatWheel, 'join'>;
  timers: Timers;
}

/** The passing of time as a slot hears of it: a `wake` when its state wants one, a `heartbeat` while it has a current socket. */
export class SlotAlarm {
  readonly #deps: AlarmDeps;
  readonly #feed: (input: Input) => void;
  #wakeAtMs: number | undefined;
  #cancelWake: (() => void) | undefined;
  #leaveHeartbeats: (() => void) | undefined;

  constructor(deps: AlarmDeps, feed: (input: Input) => void) {
    this.#deps = deps;
    this.#feed = feed;
  }

  /** After each step. */
  set(state: SlotState): void {
    this.#setWake(wakeAtMs(state));
    this.#setHeartbeats(state.current !== undefined);
  }

  #setWake(atMs: number | undefined): void {
    if (atMs === this.#wakeAtMs) return;
    this.#cancelWake?.();
    this.#wakeAtMs = atMs;
    this.#cancelWake = undefined;
    if (atMs === undefined) return;
    const { timers } = this.#deps;
    this.#cancelWake = timers.after(atMs - timers.monotonicMs(), () => {
      // A timer may be early by a fraction of a millisecond; the step says so by wanting the same time again.
      this.#wakeAtMs = undefined;
      this.#feed({ type: 'wake' });
    });
  }

  #setHeartbeats(areWanted: boolean): void {
    if (areWanted === (this.#leaveHeartbeats !== undefined)) return;
    this.#leaveHeartbeats?.();
    this.#leaveHeartbeats = areWanted ? this.#deps.heartbeats.join(() => this.#feed({ type: 'heartbeat' })) : undefined;
  }
}
