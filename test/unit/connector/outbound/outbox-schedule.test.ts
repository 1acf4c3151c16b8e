import { beforeEach, describe, expect, it } from 'vitest';
import { OutboxSchedule } from '#connector/outbound/outbox-schedule.ts';
import { FakeTimers } from '#test/support/fake-timers.ts';

let timers: FakeTimers;
let served: { outbox: string; atMs: number }[];
let defects: unknown[];
/** What serving an outbox says, and when. */
let answer: (outbox: string) => Promise<number | undefined>;
let schedule: OutboxSchedule;

const scheduleFor = (atOnce: number): OutboxSchedule =>
  new OutboxSchedule({
    serve: (outbox) => {
      served.push({ outbox, atMs: timers.monotonicMs() });
      return answer(outbox);
    },
    atOnce,
    atOnceOfGroup: 2,
    // Of one group unless its name says another.
    groupOf: (outbox) => outbox.split('/')[1] ?? '',
    timers,
    defects: { report: (_part, error) => void defects.push(error) },
  });

beforeEach(() => {
  timers = new FakeTimers();
  served = [];
  defects = [];
  answer = () => Promise.resolve(undefined);
  schedule = scheduleFor(2);
});

describe('when a process looks at an outbox', () => {
  it('is the soonest time that anybody has named', async () => {
    schedule.wake('a', 1_000);
    schedule.wake('a', 2_000);
    schedule.wake('a', 500);
    await timers.advance(5_000);
    expect(served).toEqual([{ outbox: 'a', atMs: 500 }]);
  });

  it('is again when serving it says so', async () => {
    const waits = [1_000, 0, undefined];
    answer = () => Promise.resolve(waits.shift());
    schedule.wake('a', 0);
    await timers.advance(5_000);
    expect(served.map(({ atMs }) => atMs)).toEqual([0, 1_000, 1_000]);
  });

  it('is not while it is being served, but right after: something has come meanwhile', async () => {
    const ends: (() => void)[] = [];
    answer = () => new Promise((resolve) => ends.push(() => resolve(undefined)));
    schedule.wake('a', 0);
    schedule.wake('a', 0);
    await timers.advance(0);
    expect(served).toHaveLength(1);
    ends.shift()?.();
    await timers.advance(0);
    expect(served).toHaveLength(2);
    ends.shift()?.();
    await timers.advance(0);
    expect(served).toHaveLength(2);
  });

  it('is when there is room: no more than so many at once, in the order in which they were due', async () => {
    const ends: (() => void)[] = [];
    answer = () => new Promise((resolve) => ends.push(() => resolve(undefined)));
    for (const outbox of ['a', 'b', 'c', 'd']) schedule.wake(outbox, 0);
    expect(served.map(({ outbox }) => outbox)).toEqual(['a', 'b']);
    ends.shift()?.();
    await timers.advance(0);
    expect(served.map(({ outbox }) => outbox)).toEqual(['a', 'b', 'c']);
  });

  it('does not depend on another group, whose messages are not answered: each has so many at once, and they take turns', async () => {
    schedule = scheduleFor(4);
    const ends: (() => void)[] = [];
    answer = () => new Promise((resolve) => ends.push(() => resolve(undefined)));
    for (const outbox of ['a/1', 'b/1', 'c/1', 'd/1', 'a/2', 'b/2', 'a/3']) schedule.wake(outbox, 0);
    expect(served.map(({ outbox }) => outbox)).toEqual(['a/1', 'b/1', 'a/2', 'b/2']);
    ends.shift()?.();
    await timers.advance(0);
    ends.pop()?.();
    await timers.advance(0);
    expect(served.slice(4).map(({ outbox }) => outbox)).toEqual(['c/1', 'a/3']);
  });

  it('is never after the stop, which says what was planned and waits for what is being done', async () => {
    const ends: (() => void)[] = [];
    answer = () => new Promise((resolve) => ends.push(() => resolve(0)));
    for (const outbox of ['a', 'b', 'c']) schedule.wake(outbox, 0);
    schedule.wake('later', 1_000);
    expect(schedule.stop().toSorted()).toEqual(['c', 'later']);
    const idle = schedule.idle();
    for (const end of ends) end();
    await idle;
    await timers.advance(5_000);
    expect(served.map(({ outbox }) => outbox)).toEqual(['a', 'b']);
    expect(timers.pending).toBe(0);
  });

  it('is not decided by one that throws, which is a defect', async () => {
    answer = (outbox) => (outbox === 'a' ? Promise.reject(new Error('bad')) : Promise.resolve(undefined));
    schedule.wake('a', 0);
    schedule.wake('b', 10);
    await timers.advance(10);
    expect(served).toHaveLength(2);
    expect(defects).toEqual([new Error('bad')]);
  });
});
