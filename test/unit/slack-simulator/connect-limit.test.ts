import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConnectBucket, takeConnect } from '#slack-simulator/connect-limit.ts';

const slack = { perMinute: 1, burst: 3 };

/** Calls at the given times; the answer to each: 0 for granted, else the seconds to wait. */
function answers(timesMs: number[], limits = slack): number[] {
  let bucket: ConnectBucket | undefined;
  return timesMs.map((nowMs) => {
    const verdict = takeConnect(bucket, limits, nowMs);
    bucket = verdict.bucket;
    return verdict.granted ? 0 : verdict.retryAfterSeconds;
  });
}

describe('the connect budget', () => {
  it.each([
    ['three at once pass and the fourth waits a minute', [0, 0, 0, 0], [0, 0, 0, 60]],
    ['refused calls cost nothing', [0, 0, 0, 1000, 2000, 60_000], [0, 0, 0, 59, 58, 0]],
    ['one comes back each minute', [0, 0, 0, 60_000, 60_001, 120_000], [0, 0, 0, 0, 60, 0]],
    [
      'a long rest gives back three, not more',
      [0, 0, 0, 3_600_000, 3_600_000, 3_600_000, 3_600_000],
      [0, 0, 0, 0, 0, 0, 60],
    ],
    ['a clock that steps back gives nothing', [60_000, 60_000, 60_000, 0], [0, 0, 0, 60]],
    ['a part of a second is rounded up', [0, 0, 0, 59_999], [0, 0, 0, 1]],
  ])('%s', (_, timesMs, expected) => {
    expect(answers(timesMs)).toEqual(expected);
  });

  it('grants the call that comes when Retry-After says', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200_000), { minLength: 4, maxLength: 30 }), (gapsMs) => {
        let bucket: ConnectBucket | undefined;
        let nowMs = 0;
        for (const gapMs of gapsMs) {
          nowMs += gapMs;
          const verdict = takeConnect(bucket, slack, nowMs);
          bucket = verdict.bucket;
          if (verdict.granted) continue;
          expect(takeConnect(bucket, slack, nowMs + verdict.retryAfterSeconds * 1000).granted).toBe(true);
        }
      }),
    );
  });

  it('never grants more than the burst and the rate allow', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(90_000), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        (gapsMs, burst) => {
          const timesMs: number[] = [];
          for (const gapMs of gapsMs) timesMs.push((timesMs.at(-1) ?? 0) + gapMs);
          const granted = answers(timesMs, { perMinute: 1, burst }).filter((wait) => wait === 0).length;
          const spanMs = (timesMs.at(-1) ?? 0) - (timesMs[0] ?? 0);
          expect(granted).toBeLessThanOrEqual(Math.floor(burst + spanMs / 60_000 + 1e-6));
        },
      ),
    );
  });
});
