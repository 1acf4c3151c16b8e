import { describe, expect, it } from 'vitest';
import { nextFlushMs, underPressure, type Waiting } from '../../../../connector/queue/batcher.ts';

const waiting = (changes: Partial<Waiting>): Waiting => ({
  ...{ events: 1, oldestAgeMs: 0, inFlight: false, retryInMs: 0, draining: false },
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

describe('pressure', () => {
  it('rises at 80 %, falls at 50 %, and stays as it is in between', () => {
    const course = [0.1, 0.79, 0.8, 0.6, 0.51, 0.5, 0.6, 0.79, 1];
    let pressed = false;
    const seen = course.map((fill) => {
      pressed = underPressure(fill, pressed);
      return pressed;
    });
    expect(seen).toEqual([false, false, true, true, true, false, false, false, true]);
  });
});
