import { describe, expect, it } from 'vitest';
import { type DrainEnd, type DrainFacts, drainEnd } from '#connector/drain-verdict.ts';

const facts = (changes: Partial<DrainFacts>): DrainFacts => ({
  slots: 3,
  released: false,
  redisAwayMs: 1_000,
  pending: 0,
  answers: 0,
  elapsedMs: 10_000,
  graceMs: 120_000,
  ...changes,
});

describe('a draining connector', () => {
  it.each<[string, Partial<DrainFacts>, DrainEnd | undefined]>([
    ['goes on while the planner has not released it', {}, undefined],
    ['ends at once without slots', { slots: 0, elapsedMs: 0 }, 'empty'],
    ['stays without slots while an answer may come', { slots: 0, answers: 1 }, undefined],
    ['but not beyond its grace', { slots: 0, answers: 1, elapsedMs: 115_000 }, 'grace'],
    ['ends when it is released', { released: true }, 'released'],
    ['ends 5 s before it would be killed', { elapsedMs: 115_000 }, 'grace'],
    ['goes on just before that', { elapsedMs: 114_999 }, undefined],
    ['waits out a short absence of Redis', { redisAwayMs: 14_999 }, undefined],
    ['does not wait for a Redis that stays away', { redisAwayMs: 15_000 }, 'redisAway'],
    ['waits for Redis while events exist nowhere else', { redisAwayMs: 60_000, pending: 1 }, undefined],
    ['but never beyond its grace', { redisAwayMs: 60_000, pending: 1, elapsedMs: 115_000 }, 'grace'],
  ])('%s', (_name, changes, expected) => {
    expect(drainEnd(facts(changes))).toBe(expected);
  });
});
