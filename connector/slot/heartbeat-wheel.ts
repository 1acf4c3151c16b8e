import type { Timers } from '../../core/process/timers.ts';
import { HEARTBEAT_MS } from './state.ts';

const SPOKES = 25;

/**
 * Heartbeats for all sockets of a process with one timer: each member is called every HEARTBEAT_MS, and the members are
 * spread over that time, so that thousands of pings don't go out at once. It runs only while it has members.
 */
export class HeartbeatWheel {
  readonly #timers: Timers;
  readonly #spokes = Array.from({ length: SPOKES }, () => new Set<() => void>());
  #members = 0;
  #next = 0;
  #dueMs = 0;
  #cancel: (() => void) | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** @returns leaves the wheel; only the first call counts */
  join(heartbeat: () => void): () => void {
    const spoke = this.#spokes.reduce((least, other) => (other.size < least.size ? other : least));
    // A function of its own, so that the same one may join twice.
    const member = (): void => heartbeat();
    spoke.add(member);
    this.#members += 1;
    if (this.#cancel === undefined) {
      this.#dueMs = this.#timers.monotonicMs();
      this.#turn();
    }
    return () => {
      if (!spoke.delete(member)) return;
      this.#members -= 1;
      if (this.#members > 0) return;
      this.#cancel?.();
      this.#cancel = undefined;
    };
  }

  #turn(): void {
    const nowMs = this.#timers.monotonicMs();
    // Missed heartbeats are not caught up on: two at once would leave a peer no time to answer in between.
    this.#dueMs = Math.max(this.#dueMs + HEARTBEAT_MS / SPOKES, nowMs);
    this.#cancel = this.#timers.after(this.#dueMs - nowMs, () => this.#heartbeat());
  }

  #heartbeat(): void {
    this.#cancel = undefined;
    const spoke = this.#spokes[this.#next];
    this.#next = (this.#next + 1) % SPOKES;
    for (const member of [...(spoke ?? [])]) if (spoke?.has(member)) member();
    // A member that joined just now may have set the wheel going already.
    if (this.#members > 0 && this.#cancel === undefined) this.#turn();
  }
}
