/**
 * Time as a value. Decisions get `nowMs` passed in; only shells hold a Clock.
 * Deadlines use `monotonicMs`, which never jumps; `wallMs` is for what people and other machines read.
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
