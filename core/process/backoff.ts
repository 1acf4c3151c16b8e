/** Full-jitter exponential backoff (AWS Architecture Blog, "Exponential Backoff and Jitter"). */
export interface BackoffPolicy {
  baseMs: number;
  capMs: number;
}

/**
 * @param attempt 0 for the first retry
 * @param random a number in [0, 1)
 * @returns milliseconds to wait, at least a tenth of the ceiling so that a retry never spins
 */
export function backoffMs(attempt: number, policy: BackoffPolicy, random: number): number {
  const ceiling = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(attempt, 30));
  return Math.round(ceiling * (0.1 + 0.9 * random));
}
