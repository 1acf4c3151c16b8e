import fc from 'fast-check';
import { expect, it } from 'vitest';
import { retryAfterMs } from '#core/slack/retry-after.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');

it.each([
  ['58', 58_000],
  [' 0 ', 0],
  ['1.5', 1_500],
  ['300', 300_000],
  ['301', 300_000],
  ['1000000000', 300_000],
  ['99999999999999999999999999', 300_000],
  ['Tue, 24 Nov 2026 12:01:00 GMT', 60_000],
  ['Tue, 24 Nov 2020 12:01:00 GMT', 0],
  ['Tue, 24 Nov 2099 12:01:00 GMT', 300_000],
  ['-5', undefined],
  ['1e9', undefined],
  ['NaN', undefined],
  ['Infinity', undefined],
  ['', undefined],
  ['soon', undefined],
  [null, undefined],
  [undefined, undefined],
])('%s', (header, ms) => {
  expect(retryAfterMs(header, NOW)).toBe(ms);
});

it.each([
  ['an hour behind', -3_600_000],
  ['an hour ahead', 3_600_000],
  ['a day ahead', 86_400_000],
])('until a date is counted from the time that the server says, with a clock that is %s', (_what, offMs) => {
  const until = 'Tue, 24 Nov 2026 12:01:00 GMT';
  expect(retryAfterMs(until, NOW + offMs, 'Tue, 24 Nov 2026 12:00:00 GMT')).toBe(60_000);
  expect(retryAfterMs('58', NOW + offMs, 'Tue, 24 Nov 2026 12:00:00 GMT')).toBe(58_000);
  expect(retryAfterMs(until, NOW, 'gibberish')).toBe(60_000);
});

it('is a wait that a timer can take, whatever the header', () => {
  fc.assert(
    fc.property(fc.string(), (header) => {
      const ms = retryAfterMs(header, NOW) ?? 0;
      expect(ms >= 0 && ms <= 300_000).toBe(true);
    }),
  );
});
