import { describe, expect, it } from 'vitest';
import type { Desired } from '#operator/fleet/desired.ts';
import { IdleRoundCache, isAtRest, type RoundInputs } from '#operator/fleet/idle-round-cache.ts';
import type { PodMemory } from '#operator/fleet/pod-memory.ts';
import type { Plan, PlanInput } from '#operator/plan/types.ts';

const desired = (): Desired => ({
  synced: true,
  unlisted: new Set(),
  bots: new Map(),
  stopped: new Map(),
  routed: new Map(),
  kept: new Set(),
});
const wanted = desired();
const head = { session: '{"pod":"a"}', renewedMs: 5, version: 3, fields: 1 };
const inputs = (change: Partial<RoundInputs> = {}, pod: Partial<typeof head> = {}, owner = 'me'): RoundInputs => ({
  desired: wanted,
  heads: {
    redisNowMs: Math.random(),
    owner,
    listed: new Set(['a']),
    routes: new Map(),
    pods: new Map([['a', { ...head, ...pod }]]),
  },
  fleetKeys: [{ id: 'k', secret: Buffer.alloc(32) }],
  presence: new Map([['a', 'present']]),
  ...change,
});

describe('A round that found nothing to do', () => {
  const still = (): IdleRoundCache => {
    const cache = new IdleRoundCache(10_000);
    cache.begin(inputs(), 0);
    return cache;
  };

  it('need not be repeated while its inputs are the same, but not forever', () => {
    expect([still().holds(inputs(), 9_999), still().holds(inputs(), 10_000)]).toEqual([true, false]);
    expect(new IdleRoundCache(10_000).holds(inputs(), 0)).toBe(false);
    expect(still().holds(inputs({}, { renewedMs: 6 }), 1)).toBe(true);
  });

  it.each<[string, RoundInputs]>([
    ['what is desired', inputs({ desired: desired() })],
    ['whether that is complete', inputs({ desired: { ...wanted, synced: false } })],
    ['a session', inputs({}, { session: '{"pod":"a","reportVersion":2}' })],
    ['a version', inputs({}, { version: 4 })],
    ['the size of a hash', inputs({}, { fields: 2 })],
    ['the owner of the scope, as after a loss', inputs({}, {}, 'other')],
    ['whether a pod is there, though its key says the same', inputs({ presence: new Map([['a', 'returning']]) })],
    ['the fleet keys', inputs({ fleetKeys: [] })],
  ])('is repeated after a change of %s', (_what, changed) => {
    expect(still().holds(changed, 1)).toBe(false);
  });

  it('is repeated after a break', () => {
    const cache = still();
    cache.end();
    expect(cache.holds(inputs(), 1)).toBe(false);
  });
});

describe('A fleet', () => {
  const pod = (change: object = {}) =>
    ({ session: { state: 'up' }, lost: false, doubted: false, returnUntilMs: 0, ...change }) as PodMemory;
  const input = (change: Partial<PlanInput> = {}): PlanInput =>
    ({ nowMs: 100_000, settled: true, pods: [], ...change }) as unknown as PlanInput;
  const nothing = { writes: [] } as unknown as Plan;
  const young = { name: 'a', session: { state: 'up' }, firstSeenMs: 99_000 } as PlanInput['pods'][number];

  it('is at rest when the passing of time will not soon change what is to be done', () => {
    expect(isAtRest(input(), nothing, new Map([['a', pod()]]))).toBe(true);
  });

  it.each<[string, PlanInput, PodMemory]>([
    ['it is still being input', input({ settled: false }), pod()],
    ['it gathers', input({ pods: [young] }), pod()],
    ['a pod is silent', input(), pod({ session: undefined })],
    ['a pod drains', input(), pod({ session: { state: 'draining' } })],
    ['a pod that drained may come back', input(), pod({ returnUntilMs: 100_001 })],
    ['Redis lost a hash', input(), pod({ lost: true })],
    ['the outcome of a write is unknown', input(), pod({ doubted: true })],
  ])('is not while %s', (_why, seen, memory) => {
    expect(isAtRest(seen, nothing, new Map([['a', memory]]))).toBe(false);
  });

  it('is not while there is something to write', () => {
    expect(isAtRest(input(), { ...nothing, writes: [{}] } as unknown as Plan, new Map())).toBe(false);
  });
});
