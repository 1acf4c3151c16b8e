import { describe, expect, it } from 'vitest';
import { batchLimit, nextFlushMs, type Waiting } from '#connector/queue/batcher.ts';

const waiting = (changes: Partial<Waiting>): Waiting => ({
  events: 1,
  areUrgent: false,
  oldestAgeMs: 0,
  sinceBatchMs: 1_000,
  isBusy: false,
  retryInMs: 0,
  draining: false,
  ...changes,
});

describe('the next batch', () => {
  it.each<[string, Partial<Waiting>, number | undefined]>([
    ['never goes without events', { events: 0 }, undefined],
    ['waits 1 ms for what is read in the same turn', { events: 49 }, 1],
    ['waits less for an event that has waited', { oldestAgeMs: 0.5 }, 0.5],
    ['goes when the oldest has waited 1 ms and the last batch went 20 ms ago', { oldestAgeMs: 1.1 }, 0],
    ['follows the last one after 20 ms', { events: 49, sinceBatchMs: 3 }, 17],
    ['goes for an event that has waited 20 ms', { oldestAgeMs: 18, sinceBatchMs: 3 }, 2],
    ['goes at once for one that has waited longer', { oldestAgeMs: 900, sinceBatchMs: 3 }, 0],
    ['goes at 50 events', { events: 50, sinceBatchMs: 0 }, 0],
    ['with urgent events waits 1 ms, however late the last one went', { areUrgent: true, sinceBatchMs: 0 }, 1],
    ['with an urgent event that has waited goes', { areUrgent: true, oldestAgeMs: 1, sinceBatchMs: 0 }, 0],
    ['waits for an answer while as many are under way as may be', { events: 500, isBusy: true }, undefined],
    ['waits out a failure, however many wait', { events: 500, oldestAgeMs: 900, retryInMs: 120 }, 120],
    ['waits out a failure with urgent events too', { areUrgent: true, oldestAgeMs: 900, retryInMs: 120 }, 120],
    ['goes at once when no more will come', { draining: true, sinceBatchMs: 0 }, 0],
    ['waits out a failure when draining too', { draining: true, retryInMs: 7 }, 7],
  ])('%s', (_name, changes, expected) => {
    expect(nextFlushMs(waiting(changes))).toBe(expected);
  });
});

describe('the size of a batch', () => {
  it.each<[string, Parameters<typeof batchLimit>, number]>([
    ['is halved when Redis cut it off', [50, 50, 'cutOff'], 25],
    ['is halved from what was tried, not from what was allowed', [50, 7, 'cutOff'], 3],
    ['comes down to one', [1, 1, 'cutOff'], 1],
    ['stays when Redis is away or slow', [50, 50, 'failed'], 50],
    ['doubles with each answer', [3, 3, 'answered'], 6],
    ['has its bound', [50, 50, 'answered'], 50],
  ])('%s', (_name, course, expected) => {
    expect(batchLimit(...course)).toBe(expected);
  });
});
