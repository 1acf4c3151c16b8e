import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BucketState, fullBucket, reserveToken, tryToken } from '#operator/kube/token-bucket.ts';

const gaps = fc.array(fc.nat(500), { minLength: 1, maxLength: 200 });
const policies = fc.record({ perSecond: fc.integer({ min: 1, max: 100 }), burst: fc.integer({ min: 1, max: 50 }) });

describe('token bucket', () => {
  it('never lets more than burst + rate x time act within any stretch from the start', () => {
    fc.assert(
      fc.property(policies, gaps, (policy, arrivals) => {
        let state: BucketState = fullBucket(policy, 0);
        let nowMs = 0;
        const actsAtMs: number[] = [];
        for (const gapMs of arrivals) {
          nowMs += gapMs;
          const reserved = reserveToken(state, policy, nowMs);
          state = reserved.state;
          actsAtMs.push(nowMs + reserved.waitMs);
        }
        return actsAtMs.every((atMs, index) => index + 1 <= policy.burst + (atMs * policy.perSecond) / 1000 + 1e-6);
      }),
    );
  });

  it('reservations act in the order in which they were made', () => {
    fc.assert(
      fc.property(policies, gaps, (policy, arrivals) => {
        let state: BucketState = fullBucket(policy, 0);
        let nowMs = 0;
        let lastAtMs = 0;
        for (const gapMs of arrivals) {
          nowMs += gapMs;
          const reserved = reserveToken(state, policy, nowMs);
          state = reserved.state;
          if (nowMs + reserved.waitMs < lastAtMs - 1e-6) return false;
          lastAtMs = nowMs + reserved.waitMs;
        }
        return true;
      }),
    );
  });

  it('trying takes nothing when there is nothing, so a stream of tries does not starve itself', () => {
    const policy = { perSecond: 1, burst: 1 };
    let state = tryToken(fullBucket(policy, 0), policy, 0).state;
    const taken: number[] = [];
    for (let nowMs = 100; nowMs <= 3000; nowMs += 100) {
      const tried = tryToken(state, policy, nowMs);
      state = tried.state;
      if (tried.taken) taken.push(nowMs);
    }
    expect(taken).toHaveLength(2);
  });
});
