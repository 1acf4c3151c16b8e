import { type Clock, systemClock } from './clock.ts';

/** A clock that can also wake its owner; tests use a fake one to run through hours in no time. */
export interface Timers extends Clock {
  /** @returns a function that cancels; cancelling after it fired does nothing */
  after(delayMs: number, fire: () => void): () => void;
}

/** Node turns a longer delay into 1 ms; waking early is fine for every user of Timers, spinning is not. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export const systemTimers: Timers = {
  ...systemClock,
  after(delayMs, fire) {
    const timer = setTimeout(fire, Math.min(Math.max(0, delayMs), LONGEST_TIMEOUT_MS));
    return () => clearTimeout(timer);
  },
};

/** Waits. Returns early and without error when the signal aborts, so the caller must check the signal afterwards. */
export function sleep(timers: Timers, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = timers.after(delayMs, finish);
    signal.addEventListener('abort', finish, { once: true });
  });
}
