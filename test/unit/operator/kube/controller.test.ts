import { describe, expect, it } from 'vitest';
import { Controller, type Outcome } from '#operator/kube/controller.ts';
import { WorkQueue } from '#operator/kube/workqueue.ts';
import { FakeTimers, settle } from '#test/support/fake-timers.ts';
import { silentLog } from '#test/support/silent-log.ts';

function controllerOf(reconcile: (key: string, signal: AbortSignal) => Promise<Outcome>, workers = 1) {
  const timers = new FakeTimers();
  const queue = new WorkQueue({ timers });
  const seen: string[] = [];
  const observer = {
    reconciled: (result: string) => seen.push(result),
    failed: () => seen.push('failed'),
    failedForGood: () => seen.push('failedForGood'),
    threw: () => seen.push('threw'),
  };
  const controller = new Controller({
    name: 'test',
    queue,
    reconcile,
    workers,
    log: silentLog,
    observer,
    clock: timers,
  });
  controller.start();
  return { timers, queue, controller, seen };
}

describe('controller', () => {
  it.each<[string, Outcome, { seen: string[]; failures: number; againAfterMs: number | undefined }]>([
    ['done', { kind: 'done' }, { seen: ['success'], failures: 0, againAfterMs: undefined }],
    [
      'requeueAfter',
      { kind: 'requeueAfter', delayMs: 700 },
      { seen: ['requeue_after'], failures: 0, againAfterMs: 700 },
    ],
    ['retry', { kind: 'retry', error: new Error('x') }, { seen: ['failed', 'error'], failures: 1, againAfterMs: 5 }],
    [
      'terminal',
      { kind: 'terminal', error: new Error('x') },
      { seen: ['failed', 'failedForGood', 'error'], failures: 0, againAfterMs: undefined },
    ],
  ])('%s', async (_name, outcome, expected) => {
    let runs = 0;
    const { timers, queue, controller, seen } = controllerOf(async () => {
      runs += 1;
      return runs === 1 ? outcome : { kind: 'done' };
    });
    queue.add('a');
    await settle();
    expect(seen).toEqual(expected.seen);
    expect(queue.failuresOf('a')).toBe(expected.failures);
    if (expected.againAfterMs === undefined) {
      await timers.advance(2_000_000);
      expect(runs).toBe(1);
    } else {
      await timers.advance(expected.againAfterMs - 1);
      expect(runs).toBe(1);
      await timers.advance(1);
      expect(runs).toBe(2);
    }
    await controller.stop(1_000);
  });

  it('a reconcile that throws is counted and tried again, and its worker lives on', async () => {
    let runs = 0;
    const { timers, queue, controller, seen } = controllerOf(async () => {
      runs += 1;
      if (runs === 1) throw new Error('defect');
      return { kind: 'done' };
    });
    queue.add('a');
    await timers.advance(10);
    expect(seen).toEqual(['threw', 'failed', 'error', 'success']);
    await controller.stop(1_000);
  });

  it('works on as many keys at once as it has workers, and never on one key twice', async () => {
    const running: string[] = [];
    const release: (() => void)[] = [];
    let most = 0;
    const { queue, controller } = controllerOf(async (key) => {
      expect(running).not.toContain(key);
      running.push(key);
      most = Math.max(most, running.length);
      await new Promise<void>((resolve) => release.push(resolve));
      running.splice(running.indexOf(key), 1);
      return { kind: 'done' };
    }, 3);
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key);
    await settle();
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key);
    expect(running).toEqual(['a', 'b', 'c']);
    for (let round = 0; round < 8; round += 1) {
      release.shift()?.();
      await settle();
    }
    expect([most, running, queue.depth]).toEqual([3, [], 0]);
    await controller.stop(1_000);
  });

  it('stop lets running work finish, and tells it to give up when the grace is over', async () => {
    let gaveUp = false;
    const { queue, controller } = controllerOf(async (_key, signal) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      gaveUp = true;
      return { kind: 'done' };
    });
    queue.add('a');
    queue.add('never started');
    await settle();
    await controller.stop(20);
    expect([gaveUp, queue.depth]).toEqual([true, 0]);
  });
});
