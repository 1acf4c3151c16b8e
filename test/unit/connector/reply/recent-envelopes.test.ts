import { expect, it } from 'vitest';
import { RecentEnvelopes } from '#connector/reply/recent-envelopes.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';

it('remembers an envelope for a minute', async () => {
  const timers = new FakeTimers();
  const recent = new RecentEnvelopes<string>(timers);
  recent.put('e1', 'timeout');
  await timers.advance(59_999);
  expect(recent.get('e1')).toBe('timeout');
  await timers.advance(1);
  expect(recent.get('e1')).toBeUndefined();
  recent.put('e2', 'answered');
  expect(recent.size).toBe(1);
});

it('remembers the last 10,000', () => {
  const recent = new RecentEnvelopes<number>(new FakeTimers());
  for (let n = 0; n < 10_001; n += 1) recent.put(`e${n}`, n);
  expect(recent.size).toBe(10_000);
  expect(recent.get('e0')).toBeUndefined();
  expect(recent.get('e1')).toBe(1);
  expect(recent.get('e10000')).toBe(10_000);
});

it('counts what was said last', () => {
  const recent = new RecentEnvelopes<string>(new FakeTimers());
  recent.put('e1', 'timeout');
  recent.put('e1', 'answered');
  expect(recent.get('e1')).toBe('answered');
  expect(recent.size).toBe(1);
});
