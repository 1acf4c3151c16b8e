import type { KubeError } from './kube-error.ts';

export interface RetryPolicy {
  maxRetries: number;
  /** Without a Retry-After: doubles from here, jittered. */
  baseMs: number;
  /** The longest wait; a Retry-After above it ends the retries, so that a caller can requeue instead of hanging. */
  capMs: number;
}

export const DEFAULT_CALL_RETRY: RetryPolicy = { maxRetries: 4, baseMs: 250, capMs: 30_000 };
export const NO_RETRY: RetryPolicy = { maxRetries: 0, baseMs: 0, capMs: 0 };

/**
 * Retries what the server did not do (429, or 5xx with Retry-After: both say "later") and reads whose connection broke.
 * A write whose answer was lost is for its caller to judge.
 *
 * @param attempt 0 for the first retry
 * @param random in [0, 1)
 * @returns milliseconds to wait, or undefined to give up
 */
export function retryDelayMs(
  error: KubeError,
  method: string,
  attempt: number,
  policy: RetryPolicy,
  random: number,
): number | undefined {
  if (attempt >= policy.maxRetries) return undefined;
  const asked = error.retryAfterMs;
  const saysLater = error.kind === 'throttled' || (error.kind === 'transient' && asked !== undefined);
  const brokenRead = method === 'GET' && error.reason === 'ConnectionError';
  if (!saysLater && !brokenRead) return undefined;
  if (asked !== undefined && asked > policy.capMs) return undefined;
  const backoffMs = Math.min(policy.capMs, policy.baseMs * 2 ** attempt) * (0.5 + random / 2);
  // Never earlier than asked, and spread out, so that throttled clients don't all come back at the same moment.
  return asked === undefined ? backoffMs : asked + policy.baseMs * random;
}
