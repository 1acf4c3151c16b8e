import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLog } from '#core/process/log.ts';
import { PeriodicTask, type PeriodicWork } from '#core/process/periodic-task.ts';

beforeEach(() => {
  logged = [];
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
let logged: Record<string, unknown>[];
const taskOf = (run: PeriodicWork): PeriodicTask =>
  new PeriodicTask(
    'test',
    run,
    createLog({ program: 'test', level: 'info', to: { write: (line) => logged.push(JSON.parse(line)) } }),
  );
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

describe('a periodic task', () => {
  it('runs again after the time that the work returns', async () => {
    let count = 0;
    const task = taskOf(async () => {
      count += 1;
      return 100;
    });
    task.soon(0);
    await vi.advanceTimersByTimeAsync(450);
    expect(count).toBe(5);
    await task.stop();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(count).toBe(5);
  });

  it('waits for longer than the longest timeout of Node, which would fire at once', async () => {
    const { runs, run } = work();
    const task = taskOf(run);
    task.soon(2 ** 32);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(runs).toHaveLength(0);
    await task.stop();
  });

  it('makes one run of several calls, at the earliest time asked for', async () => {
    const { runs, run } = work();
    const task = taskOf(run);
    task.soon(500);
    task.soon(100);
    task.soon(300);
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
    const task = taskOf(run);
    const done: string[] = [];
    void task.now().then(() => done.push('first'));
    await settle();
    void task.now().then(() => done.push('second'));
    void task.now().then(() => done.push('third'));
    task.soon(0);
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

  it('waits for the current run when it stops, and starts no other', async () => {
    const { runs, run } = work(1);
    const task = taskOf(run);
    void task.now();
    await settle();
    let stopped = false;
    void task.stop().then(() => {
      stopped = true;
    });
    await settle();
    expect(stopped).toBe(false);
    runs[0]?.();
    await vi.advanceTimersByTimeAsync(100);
    expect(stopped).toBe(true);
    await task.now();
    expect(runs).toHaveLength(1);
  });

  it('whose work throws goes on, whether the clock or a call brought the run about, and says once a minute what threw', async () => {
    let count = 0;
    const task = taskOf(async () => {
      count += 1;
      if (count < 3) throw new Error('of the work');
      return 100;
    });
    await task.now();
    expect(count).toBe(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(count).toBe(2);
    await task.now();
    await vi.advanceTimersByTimeAsync(250);
    expect(count).toBe(5);
    expect(logged).toEqual([expect.objectContaining({ part: 'test', error: 'of the work' })]);
    await task.stop();
  });

  it('whose work throws can be stopped', async () => {
    const task = taskOf(async () => {
      throw new Error('of the work');
    });
    task.soon(0);
    await settle();
    await task.stop();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(logged).toHaveLength(1);
  });
});
