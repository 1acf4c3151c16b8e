import { describe, expect, it } from 'vitest';
import { batchLimit, nextFlushMs, type Waiting } from '#connector/queue/batcher.ts';

const waiting = (changes: Partial<Waiting>): Waiting => ({
  events: 1,
  oldestAgeMs: 0,
  inFlight: false,
  retryInMs: 0,
  draining: false,
  ...changes,
});

describe('the next batch', () => {
  it.each<[string, Partial<Waiting>, number | undefined]>([
    ['never goes without events', { events: 0 }, undefined],
    ['waits up to 5 ms for company', { events: 49 }, 5],
    ['waits less for an event that has waited', { oldestAgeMs: 3 }, 2],
    ['goes when the oldest has waited 5 ms', { oldestAgeMs: 6 }, 0],
    ['goes at 50 events', { events: 50 }, 0],
    ['never overtakes the one under way', { events: 500, inFlight: true }, undefined],
    ['waits out a failure, however many wait', { events: 500, oldestAgeMs: 900, retryInMs: 120 }, 120],
    ['goes at once when no more will come', { draining: true }, 0],
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
