/**
 * Slack's limit on rtm.connect: "no more than 1 per minute, with some bursting", per method, workspace and app
 * (docs.slack.dev/apis/web-api/rate-limits). How much bursting is not documented; three is this project's assumption.
 */
export type ConnectLimits = { perMinute: number; burst: number };

/** Calls left, as of a time. A caller who never called has none stored: its bucket is full. */
export type ConnectBucket = { calls: number; atMs: number };

type ConnectVerdict =
  | { granted: true; bucket: ConnectBucket }
  | { granted: false; bucket: ConnectBucket; retryAfterSeconds: number };

/** Takes one call. A refused call costs nothing; `retryAfterSeconds` (at least 1) is when one is granted again. */
export function takeConnect(bucket: ConnectBucket | undefined, limits: ConnectLimits, nowMs: number): ConnectVerdict {
  const perMs = limits.perMinute / 60_000;
  const elapsedMs = bucket === undefined ? 0 : Math.max(0, nowMs - bucket.atMs);
  const calls = bucket === undefined ? limits.burst : Math.min(limits.burst, bucket.calls + elapsedMs * perMs);
  // Sums of fractions of a call end slightly below the whole call that they add up to.
  if (calls >= 1 - 1e-9) return { granted: true, bucket: { calls: Math.max(0, calls - 1), atMs: nowMs } };
  const waitMs = (1 - calls) / perMs;
  return {
    granted: false,
    bucket: { calls, atMs: nowMs },
    retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000 - 1e-6)),
  };
}
