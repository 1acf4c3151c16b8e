import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PeriodicTask } from '#core/process/periodic-task.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Work whose runs end when the test says so. */
const work = (nextMs = Number.POSITIVE_INFINITY) => {
  const runs: (() => void)[] = [];
  const run = (): Promise<number> =>
    new Promise((resolve) => {
      runs.push(() => resolve(nextMs));
    });
  return { runs, run };
};
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

describe('a beat', () => {
  it('comes again after the time that the work says', async () => {
    let count = 0;
    const beat = new PeriodicTask(async () => {
      count += 1;
      return 100;
    });
    beat.soon(0);
    await vi.advanceTimersByTimeAsync(450);
    expect(count).toBe(5);
    await beat.stop();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(count).toBe(5);
  });

  it('makes one run of several calls, at the earliest time asked for', async () => {
    const { runs, run } = work();
    const beat = new PeriodicTask(run);
    beat.soon(500);
    beat.soon(100);
    beat.soon(300);
    await vi.advanceTimersByTimeAsync(99);
    expect(runs).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(runs).toHaveLength(1);
    runs[0]?.();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(runs).toHaveLength(1);
  });

  it('answers calls during a run with one more run, never two at a time', async () => {
    const { runs, run } = work();
    const beat = new PeriodicTask(run);
    const done: string[] = [];
    void beat.now().then(() => done.push('first'));
    await settle();
    void beat.now().then(() => done.push('second'));
    void beat.now().then(() => done.push('third'));
    beat.soon(0);
    await settle();
    expect(runs).toHaveLength(1);
    runs[0]?.();
    await settle();
    expect(done).toEqual(['first']);
    expect(runs).toHaveLength(2);
    runs[1]?.();
    await settle();
    expect(done.toSorted()).toEqual(['first', 'second', 'third']);
    expect(runs).toHaveLength(2);
  });

  it('waits for the run under way when it stops, and begins none after it', async () => {
    const { runs, run } = work(1);
    const beat = new PeriodicTask(run);
    void beat.now();
    await settle();
    let stopped = false;
    void beat.stop().then(() => {
      stopped = true;
    });
    await settle();
    expect(stopped).toBe(false);
    runs[0]?.();
    await vi.advanceTimersByTimeAsync(100);
    expect(stopped).toBe(true);
    await beat.now();
    expect(runs).toHaveLength(1);
  });
});
