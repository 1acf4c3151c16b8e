import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DelayHeap } from '#operator/kube/delay-heap.ts';
import { DEFAULT_RETRY_LIMITS, itemBackoffMs, RetryLimiter } from '#operator/kube/retry-limiter.ts';
import { WorkQueue } from '#operator/kube/workqueue.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';

type Step =
  | { do: 'add' | 'retry' | 'done'; key: string }
  | { do: 'addAfter'; key: string; ms: number }
  | { do: 'take' }
  | { do: 'wait'; ms: number };

/** A queue with workers that are moved by hand, and what the queue owes to those who added. */
class Bench {
  readonly timers = new FakeTimers();
  readonly queue = new WorkQueue({ timers: this.timers });
  readonly working = new Set<string>();
  readonly owed = new Set<string>();

  async do(step: Step): Promise<void> {
    switch (step.do) {
      case 'add':
        this.owed.add(step.key);
        return this.queue.add(step.key);
      case 'addAfter':
        this.owed.add(step.key);
        return this.queue.addAfter(step.key, step.ms);
      case 'retry':
        this.owed.add(step.key);
        return this.queue.addRateLimited(step.key);
      case 'take':
        return this.take();
      case 'done':
        return this.finish(step.key);
      case 'wait':
        return this.timers.advance(step.ms);
    }
  }

  async take(): Promise<void> {
    if (this.queue.depth === 0) return;
    const key = (await this.queue.get()) ?? '';
    expect(this.working.has(key)).toBe(false);
    this.working.add(key);
    this.owed.delete(key);
  }

  finish(key: string): void {
    if (this.working.delete(key)) this.queue.done(key);
  }

  async finishEverything(): Promise<void> {
    await this.timers.advance(2_000_000);
    for (const key of [...this.working]) this.finish(key);
    while (this.queue.depth > 0) {
      await this.take();
      for (const key of [...this.working]) this.finish(key);
    }
  }
}

describe('work queue', () => {
  it('hands out a key once however often it was added', async () => {
    const queue = new WorkQueue({ timers: new FakeTimers() });
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    expect(queue.depth).toBe(2);
    expect([await queue.get(), await queue.get()]).toEqual(['a', 'b']);
    expect(queue.depth).toBe(0);
  });

  it('a key added while it is worked on comes once more, and only after done', async () => {
    const queue = new WorkQueue({ timers: new FakeTimers() });
    queue.add('a');
    await queue.get();
    queue.add('a');
    queue.add('a');
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(await queue.get()).toBe('a');
    queue.done('a');
    expect(queue.depth).toBe(0);
  });

  it('a waiting worker gets the key at once', async () => {
    const queue = new WorkQueue({ timers: new FakeTimers() });
    const first = queue.get();
    const second = queue.get();
    queue.add('a');
    queue.add('b');
    expect(await Promise.all([first, second])).toEqual(['a', 'b']);
  });

  it('adds a delayed key at the earliest of the times asked for, once', async () => {
    const timers = new FakeTimers();
    const queue = new WorkQueue({ timers });
    queue.addAfter('a', 500);
    queue.addAfter('a', 100);
    queue.addAfter('a', 900);
    await timers.advance(99);
    expect(queue.depth).toBe(0);
    await timers.advance(1);
    expect(await queue.get()).toBe('a');
    queue.done('a');
    await timers.advance(10_000);
    expect(queue.depth).toBe(0);
    expect(timers.pending).toBe(0);
  });

  it('holds retries back per key, doubling from 5 ms, until it is forgotten', async () => {
    const timers = new FakeTimers();
    const queue = new WorkQueue({ timers });
    const delays: number[] = [];
    for (let failure = 0; failure < 4; failure += 1) {
      const fromMs = timers.monotonicMs();
      queue.addRateLimited('a');
      while (queue.depth === 0) await timers.advance(1);
      delays.push(timers.monotonicMs() - fromMs);
      await queue.get();
      queue.done('a');
    }
    expect(delays).toEqual([5, 10, 20, 40]);
    queue.forget('a');
    queue.addRateLimited('a');
    await timers.advance(5);
    expect(queue.depth).toBe(1);
  });

  it('holds the retries of all keys to 10 a second after a burst of 100, and adds to none', async () => {
    const timers = new FakeTimers();
    const queue = new WorkQueue({ timers });
    for (let n = 0; n < 150; n += 1) queue.addRateLimited(`k${n}`);
    await timers.advance(10);
    expect(queue.depth).toBe(100);
    await timers.advance(1000);
    expect(queue.depth).toBe(110);
    queue.add('fresh');
    expect(queue.depth).toBe(111);
  });

  it('shut down hands out what waits and then ends every worker', async () => {
    const timers = new FakeTimers();
    const queue = new WorkQueue({ timers });
    queue.add('a');
    queue.addAfter('late', 50);
    queue.shutDown();
    queue.add('b');
    expect(await queue.get()).toBe('a');
    expect(await queue.get()).toBeUndefined();
    await timers.advance(100);
    expect(await queue.get()).toBeUndefined();
    expect(timers.pending).toBe(0);
  });

  it('shut down ends workers that already wait', async () => {
    const queue = new WorkQueue({ timers: new FakeTimers() });
    const waiting = [queue.get(), queue.get()];
    queue.shutDown();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
  });

  it('shut down hands out once more what was added while it was worked on', async () => {
    const queue = new WorkQueue({ timers: new FakeTimers() });
    queue.add('a');
    await queue.get();
    queue.add('a');
    queue.shutDown();
    queue.done('a');
    expect(await queue.get()).toBe('a');
    queue.done('a');
    expect(await queue.get()).toBeUndefined();
  });

  it("reports client-go's metrics", async () => {
    const timers = new FakeTimers();
    const seen: string[] = [];
    const queue = new WorkQueue({
      timers,
      observer: {
        depth: (n) => seen.push(`depth ${n}`),
        added: () => seen.push('added'),
        waited: (s) => seen.push(`waited ${s}`),
        worked: (s) => seen.push(`worked ${s}`),
        retried: () => seen.push('retried'),
      },
    });
    queue.add('a');
    queue.add('a');
    await timers.advance(2000);
    await queue.get();
    await timers.advance(3000);
    expect([queue.unfinishedWorkSeconds(), queue.longestRunningSeconds()]).toEqual([3, 3]);
    queue.done('a');
    queue.addRateLimited('a');
    expect(seen).toEqual(['added', 'depth 1', 'waited 2', 'depth 0', 'worked 3', 'retried']);
    expect(queue.unfinishedWorkSeconds()).toBe(0);
  });

  it('under any interleaving no key is worked on twice at once, and none that was added is lost', async () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), key }),
      fc.record({ do: fc.constant('addAfter' as const), key, ms: fc.nat(20) }),
      fc.record({ do: fc.constant('retry' as const), key }),
      fc.record({ do: fc.constant('take' as const) }),
      fc.record({ do: fc.constant('done' as const), key }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.nat(30) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const bench = new Bench();
        for (const one of steps) await bench.do(one);
        await bench.finishEverything();
        expect([...bench.owed]).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('hands out 200,000 keys in order and in no time', async () => {
    const queue = new WorkQueue({ timers: new FakeTimers() });
    for (let n = 0; n < 200_000; n += 1) queue.add(`k${n}`);
    const startMs = performance.now();
    for (let n = 0; n < 200_000; n += 1) {
      const key = await queue.get();
      if (key !== `k${n}`) throw new Error(`expected k${n}, got ${key}`);
      queue.done(key);
    }
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });
});

describe('limits of retries', () => {
  it.each([
    [0, 5],
    [1, 10],
    [10, 5120],
    [17, 655_360],
    [18, 1_000_000],
    [5000, 1_000_000],
  ])('failure %i waits %i ms', (failures, expected) => {
    expect(itemBackoffMs(failures, DEFAULT_RETRY_LIMITS)).toBe(expected);
  });

  it('counts failures of each key apart', () => {
    const limiter = new RetryLimiter<string>();
    limiter.delayMs('a', 0);
    limiter.delayMs('a', 0);
    expect([limiter.failuresOf('a'), limiter.failuresOf('b')]).toEqual([2, 0]);
  });
});

describe('delay heap', () => {
  it('gives keys in order of their earliest time, each once', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...'abcdefgh'), fc.nat(50))), (puts) => {
        const heap = new DelayHeap<string>();
        const model = new Map<string, number>();
        for (const [key, dueMs] of puts) {
          heap.put(key, dueMs);
          model.set(key, Math.min(dueMs, model.get(key) ?? Number.POSITIVE_INFINITY));
        }
        let lastMs = 0;
        for (let dueMs = heap.nextDueMs(); dueMs !== undefined; dueMs = heap.nextDueMs()) {
          expect(heap.takeDue(dueMs - 1)).toBeUndefined();
          const key = heap.takeDue(dueMs) ?? '';
          expect(model.get(key)).toBe(dueMs);
          expect(dueMs).toBeGreaterThanOrEqual(lastMs);
          lastMs = dueMs;
          model.delete(key);
        }
        expect(model.size).toBe(0);
      }),
    );
  });
});
