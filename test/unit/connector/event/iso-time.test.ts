import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isoTime } from '#connector/event/iso-time.ts';

const LONGEST_MS = 8_640_000_000_000_000;

describe('a time as text', () => {
  it('is what Date says, for any time, also a fraction of a millisecond, and whatever was asked for before', () => {
    const times = fc.double({ min: -LONGEST_MS, max: LONGEST_MS, noNaN: true });
    const near = fc.integer({ min: 1_700_000_000_000, max: 1_700_000_002_000 });
    fc.assert(
      fc.property(fc.array(fc.oneof(times, near), { minLength: 1 }), (all) => {
        for (const ms of all) expect(isoTime(ms)).toBe(new Date(ms).toISOString());
      }),
      { numRuns: 500 },
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('is none for %d', (ms) => {
    expect(() => isoTime(ms)).toThrow(RangeError);
    expect(isoTime(0)).toBe('1970-01-01T00:00:00.000Z');
  });
});
