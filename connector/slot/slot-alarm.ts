import type { Timers } from '../../core/process/timers.ts';
import type { HeartbeatMember, HeartbeatWheel } from './heartbeat-wheel.ts';
import { type Input, type SlotState, wakeAtMs } from './state.ts';

/** What a slot's time comes from. */
export interface AlarmDeps {
  heartbeats: Pick<HeartbeatWheel, 'join' | 'leave'>;
  timers: Timers;
}

/** Whom the alarm is for. */
export interface AlarmedSlot extends HeartbeatMember {
  feed(input: Input): void;
}

/** The passing of time as a slot hears of it: a `wake` when its state wants one, a `heartbeat` while it has a current socket. */
export class SlotAlarm {
  readonly #deps: AlarmDeps;
  readonly #slot: AlarmedSlot;
  #wakeAtMs: number | undefined;
  #cancelWake: (() => void) | undefined;
  #hasHeartbeats = false;

  constructor(deps: AlarmDeps, slot: AlarmedSlot) {
    this.#deps = deps;
    this.#slot = slot;
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
      this.#slot.feed({ type: 'wake' });
    });
  }

  #setHeartbeats(areWanted: boolean): void {
    if (areWanted === this.#hasHeartbeats) return;
    this.#hasHeartbeats = areWanted;
    this.#deps.heartbeats[areWanted ? 'join' : 'leave'](this.#slot);
  }
}
