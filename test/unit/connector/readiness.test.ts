import { describe, expect, it } from 'vitest';
import { fleetFaults, type HealthFacts, notReady } from '#connector/readiness.ts';

const health = (changes: Partial<HealthFacts> = {}): HealthFacts => ({
  queueFaults: [],
  pressed: false,
  busiestPressed: false,
  session: { ageMs: 5_200, error: undefined, rival: undefined },
  contractConflict: undefined,
  answers: undefined,
  adopting: undefined,
  draining: false,
  ...changes,
});

describe('readiness', () => {
  it('gives no reasons in a healthy connector', () => {
    expect(notReady(health())).toEqual([]);
  });

  it.each<[string, Partial<HealthFacts>, RegExp]>([
    ['a fault of the queue', { queueFaults: ['Redis is full (OOM): raise maxmemory'] }, /OOM/],
    ['sockets that are not read', { pressed: true }, /^reading from sockets is paused/],
    ['bots that are not read for flooding', { busiestPressed: true }, /paused for the busiest bots/],
    [
      'a lease that is not renewed',
      { session: { ageMs: 10_001, error: 'ECONNREFUSED', rival: undefined } },
      /not being renewed.*ECONNREFUSED/,
    ],
    ['another process of that name', { session: { ageMs: 60_000, error: undefined, rival: 'x' } }, /RELAX_POD/],
    [
      'answers that are not read',
      { answers: { error: 'the key holds something else', forMs: 10_001 } },
      /^answers of applications are not read: the key holds/,
    ],
    ['a contract conflict', { contractConflict: 'the contract differs' }, /contract/],
  ])('names %s, and tells the planner', (_name, changes, words) => {
    expect(notReady(health(changes))).toEqual([expect.stringMatching(words)]);
    expect(fleetFaults(health(changes))).toEqual([expect.stringMatching(words)]);
  });

  it.each<[string, Partial<HealthFacts>, RegExp]>([
    ['the start', { adopting: '3 sockets are not live yet' }, /not live yet/],
    ['draining', { draining: true }, /draining/],
  ])('names %s, which is no fault of the fleet', (_name, changes, words) => {
    expect(notReady(health(changes))).toEqual([expect.stringMatching(words)]);
    expect(fleetFaults(health(changes))).toEqual([]);
  });

  it('says nothing of answers that are not read for a moment, or for the same reason as everything else', () => {
    expect(notReady(health({ answers: { error: 'no connection to Redis', forMs: 9_000 } }))).toEqual([]);
    const away = { ageMs: 60_000, error: 'no connection to Redis', rival: undefined };
    const answers = { error: 'no connection to Redis', forMs: 60_000 };
    expect(notReady(health({ session: away, answers }))).toEqual([expect.stringContaining('lease')]);
  });

  it('says nothing of a single renewal that failed', () => {
    expect(notReady(health({ session: { ageMs: 9_000, error: 'timeout', rival: undefined } }))).toEqual([]);
  });
});
