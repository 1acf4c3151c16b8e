import { describe, expect, it } from 'vitest';
import { fleetFaults, type HealthFacts, notReady } from '#connector/readiness.ts';

const health = (changes: Partial<HealthFacts> = {}): HealthFacts => ({
  queueFaults: [],
  pressed: false,
  busiestPressed: false,
  session: { ageMs: 5_200, error: undefined, rival: undefined },
  contractConflict: undefined,
  adopting: undefined,
  draining: false,
  ...changes,
});

describe('readiness', () => {
  it('has no reasons in a healthy connector', () => {
    expect(notReady(health())).toEqual([]);
  });

  it.each<[string, Partial<HealthFacts>, RegExp]>([
    ['a fault of the queue', { queueFaults: ['Redis is full (OOM): raise maxmemory'] }, /OOM/],
    ['sockets that are not read', { pressed: true }, /^sockets are not read/],
    ['bots that are not read for flooding', { busiestPressed: true }, /busiest bots is paused/],
    [
      'a lease that is not renewed',
      { session: { ageMs: 10_001, error: 'ECONNREFUSED', rival: undefined } },
      /not renewed.*ECONNREFUSED/,
    ],
    ['another process of that name', { session: { ageMs: 60_000, error: undefined, rival: 'x' } }, /RELAX_POD/],
    ['a contract conflict', { contractConflict: 'the contract differs' }, /contract/],
  ])('names %s, and tells the planner', (_name, changes, words) => {
    expect(notReady(health(changes))).toEqual([expect.stringMatching(words)]);
    expect(fleetFaults(health(changes))).toEqual([expect.stringMatching(words)]);
  });

  it.each<[string, Partial<HealthFacts>, RegExp]>([
    ['the start', { adopting: '3 sockets are not up yet' }, /not up yet/],
    ['draining', { draining: true }, /draining/],
  ])('names %s, which is no fault of the fleet', (_name, changes, words) => {
    expect(notReady(health(changes))).toEqual([expect.stringMatching(words)]);
    expect(fleetFaults(health(changes))).toEqual([]);
  });

  it('says nothing of a single renewal that failed', () => {
    expect(notReady(health({ session: { ageMs: 9_000, error: 'timeout', rival: undefined } }))).toEqual([]);
  });
});
