/**
 * Time as a value. Decisions get `nowMs` passed in; only shells hold a Clock.
 * Deadlines use `monotonicMs`, which never jumps; `wallMs` is for what people and other machines read.
 *
 * The only place that asks this machine for the time (`timers.ts` wakes by it); Redis is asked for its own by
 * `core/redis/redis-clock.ts` and, inside scripts, by the scripts.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch, by this machine's clock. */
  wallMs(): number;
  /** Milliseconds from an arbitrary start, never going back. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
