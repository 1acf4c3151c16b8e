import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLiveState, presenceOf, reportOf, type SessionFacts } from '#core/protocol/presence.ts';
import { slotReportSchema } from '#core/protocol/report.ts';
import { decodeSession, SESSION_TTL_MS, sessionSchema } from '#core/protocol/session.ts';

const session = (change: object = {}) =>
  sessionSchema.parse({
    pod: 'c-0',
    incarnation: 'now',
    zone: 'a',
    capacity: 1,
    state: 'up',
    version: 1,
    keyIDs: [],
    reportVersion: 1,
    ...change,
  });
const up = session();
const draining = session({ state: 'draining', drainingSinceMs: 1 });
const left = session({ state: 'draining', drainingSinceMs: 1, left: true });

describe('a connector', () => {
  const facts = (change: Partial<SessionFacts>): SessionFacts => ({
    session: up,
    held: true,
    renewedAgoMs: 0,
    mayReturnMs: 0,
    ...change,
  });
  it.each<[string, Partial<SessionFacts>, string]>([
    ['that is up is there as long as its key is', { renewedAgoMs: undefined }, 'present'],
    ['whose key Redis has lost is there until its lease would end', { held: false, renewedAgoMs: 14_999 }, 'present'],
    ['whose lease has ended is lost', { held: false, renewedAgoMs: 15_000 }, 'lost'],
    ['that was never seen is lost', { session: undefined, held: false, renewedAgoMs: undefined }, 'lost'],
    ['that drains is there while it renews', { session: draining, mayReturnMs: 1 }, 'present'],
    [
      'that was killed while it drained returns',
      { session: draining, renewedAgoMs: 15_000, mayReturnMs: 1 },
      'returning',
    ],
    ['that has left returns, however young its word', { session: left, mayReturnMs: 1 }, 'returning'],
    ['that has left too long ago is lost', { session: left, mayReturnMs: 0 }, 'lost'],
  ])('%s', (_what, change, expected) => {
    expect(presenceOf(facts(change))).toBe(expected);
  });

  it('of an older version says nothing of leaving, and of a newer one may say more', () => {
    expect(decodeSession(JSON.stringify(draining))?.left).toBeUndefined();
    expect(decodeSession(JSON.stringify({ ...left, unheardOf: 1 }))?.left).toBe(true);
  });
});

it('has no live socket unless a process heard from within one lease reports this very assignment', () => {
  const anything = fc.record({
    session: fc.constantFrom(undefined, up, draining, left),
    held: fc.boolean(),
    renewedAgoMs: fc.option(fc.nat({ max: 2 * SESSION_TTL_MS }), { nil: undefined }),
    mayReturnMs: fc.integer({ min: -1, max: 90_000 }),
    epoch: fc.nat({ max: 2 }),
    report: fc.record({
      epoch: fc.nat({ max: 2 }),
      incarnation: fc.constantFrom('now', 'before'),
      state: fc.constantFrom('live', 'paused', 'waiting', 'connecting', 'failed'),
      tokenDigest: fc.constant('d'),
    }),
  });
  fc.assert(
    fc.property(anything, ({ epoch, report, ...facts }) => {
      const presence = presenceOf(facts);
      const said = reportOf(presence, facts.session, { epoch }, slotReportSchema.parse(report));
      if (!isLiveState(said?.state)) return;
      expect(report).toMatchObject({ epoch, incarnation: 'now' });
      expect(facts.session?.left).toBeUndefined();
      const heard = (facts.renewedAgoMs ?? SESSION_TTL_MS) < SESSION_TTL_MS;
      expect(heard || (facts.held && facts.session?.state === 'up')).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});
