import type { Timers } from '../../core/process/timers.ts';
import { HEARTBEAT_MS } from './state.ts';

const SPOKES = 10;

/** A turn this late means that the process was delayed. What arrived meanwhile is read first, before a peer is blamed. */
const LATE_MS = 1_000;

/** Who is called. */
export interface HeartbeatMember {
  /** @param steadySinceMs since when this process has not been delayed (monotonic) */
  heartbeat(steadySinceMs: number): void;
}

/**
 * Heartbeats for all sockets of a process with one timer: each member is called every HEARTBEAT_MS, and the members are
 * spread over that time, so that thousands of pings don't go out at once. It runs only while it has members.
 */
export class HeartbeatWheel {
  readonly #timers: Timers;
  readonly #spokes = Array.from({ length: SPOKES }, () => new Set<HeartbeatMember>());
  #members = 0;
  #next = 0;
  #dueMs = 0;
  #steadySinceMs = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** @param member not on the wheel yet */
  join(member: HeartbeatMember): void {
    this.#spokes.reduce((least, other) => (other.size < least.size ? other : least)).add(member);
    this.#members += 1;
    if (this.#cancel !== undefined) return;
    this.#dueMs = this.#timers.monotonicMs();
    this.#turn();
  }

  /** Of one that is not on the wheel nothing changes. */
  leave(member: HeartbeatMember): void {
    if (!this.#spokes.some((spoke) => spoke.delete(member))) return;
    this.#members -= 1;
    if (this.#members > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #turn(): void {
    const nowMs = this.#timers.monotonicMs();
    // Missed heartbeats are not caught up on: two at once would leave a peer no time to answer in between.
    this.#dueMs = Math.max(this.#dueMs + HEARTBEAT_MS / SPOKES, nowMs);
    this.#cancel = this.#timers.after(this.#dueMs - nowMs, () => this.#heartbeat());
  }

  #heartbeat(): void {
    this.#cancel = undefined;
    const nowMs = this.#timers.monotonicMs();
    if (nowMs - this.#dueMs > LATE_MS) this.#steadySinceMs = nowMs;
    const spoke = this.#spokes[this.#next];
    this.#next = (this.#next + 1) % SPOKES;
    for (const member of [...(spoke ?? [])]) if (spoke?.has(member)) member.heartbeat(this.#steadySinceMs);
    // A member that joined just now may have set the wheel going already.
    if (this.#members > 0 && this.#cancel === undefined) this.#turn();
  }
}
