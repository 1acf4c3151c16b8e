/** A token bucket as a value, with the contract of golang.org/x/time/rate: a reservation may drive it below zero. */
export interface BucketPolicy {
  /** Tokens gained per second. */
  perSecond: number;
  /** The most it holds; a new bucket is full. */
  burst: number;
}

export interface BucketState {
  tokens: number;
  atMs: number;
}

export function fullBucket(policy: BucketPolicy, nowMs: number): BucketState {
  return { tokens: policy.burst, atMs: nowMs };
}

/** Takes one token now or in the future. @returns the new state and how long to wait before acting on it */
export function reserveToken(
  state: BucketState,
  policy: BucketPolicy,
  nowMs: number,
): { state: BucketState; waitMs: number } {
  const tokens = refilled(state, policy, nowMs) - 1;
  const waitMs = tokens >= 0 ? 0 : (-tokens * 1000) / policy.perSecond;
  return { state: { tokens, atMs: nowMs }, waitMs };
}

/** Takes one token only if there is one. */
export function tryToken(
  state: BucketState,
  policy: BucketPolicy,
  nowMs: number,
): { state: BucketState; taken: boolean } {
  const tokens = refilled(state, policy, nowMs);
  return tokens >= 1
    ? { state: { tokens: tokens - 1, atMs: nowMs }, taken: true }
    : { state: { tokens, atMs: nowMs }, taken: false };
}

function refilled(state: BucketState, policy: BucketPolicy, nowMs: number): number {
  const gained = (Math.max(0, nowMs - state.atMs) * policy.perSecond) / 1000;
  return Math.min(policy.burst, state.tokens + gained);
}
