import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTimestamps, formatMicros } from '#slack-simulator/timestamps.ts';

describe('timestamps', () => {
  it.each([
    [1_355_517_523_000_005, '1355517523.000005'],
    [1_403_299_273_342_000, '1403299273.342000'],
    [1_700_000_000_000_000, '1700000000.000000'],
    [1_699_999_999_999_999, '1699999999.999999'],
  ])('%i microseconds read %s', (micros, expected) => {
    expect(formatMicros(micros)).toBe(expected);
  });

  it('rise strictly, whatever the clock does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1_700_000_000_000, max: 1_700_000_001_000 })), (clock) => {
        const timestamps = createTimestamps();
        const given = clock.map((nowMs) => timestamps.next(nowMs));
        expect(given).toEqual([...new Set(given)].sort());
      }),
    );
  });
});
