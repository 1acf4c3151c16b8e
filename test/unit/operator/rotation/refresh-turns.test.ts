import { describe, expect, it } from 'vitest';
import { RefreshTurns } from '#operator/rotation/refresh-turns.ts';
import { FakeTimers, settle } from '#test/support/fake-timers.ts';

describe('refreshes', () => {
  it('begin one after the other, fewer than 600 a minute, however many are due', async () => {
    const timers = new FakeTimers();
    const stop = new AbortController();
    const turns = new RefreshTurns(timers, stop.signal);
    const begunMs: number[] = [];
    const all = Array.from({ length: 1_000 }, async () => {
      if (await turns.take(false)) begunMs.push(timers.monotonicMs());
      turns.end();
    });
    await timers.advance(60_000);
    expect(begunMs.length).toBeGreaterThan(300);
    expect(begunMs.length).toBeLessThan(600);
    stop.abort();
    await Promise.all(all);
    expect(begunMs.length).toBeLessThan(600);
  });

  it('run a few at a time, those without a working token first', async () => {
    const timers = new FakeTimers();
    const turns = new RefreshTurns(timers, new AbortController().signal);
    const begun: string[] = [];
    for (const [name, isUrgent] of [
      ...Array.from({ length: 6 }, (_, n) => [`due ${n}`, false] as const),
      ['expired', true] as const,
    ]) {
      void turns.take(isUrgent).then(() => begun.push(name));
    }
    await timers.advance(10_000);
    expect(begun).toEqual(['due 0', 'due 1', 'due 2', 'due 3']);
    turns.end();
    await timers.advance(10_000);
    await settle();
    expect(begun.at(-1)).toBe('expired');
  });
});
