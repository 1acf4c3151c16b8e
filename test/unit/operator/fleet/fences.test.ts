import { describe, expect, it } from 'vitest';
import type { Desired, StoppedBot } from '#operator/fleet/desired.ts';
import { type FenceState, NO_FENCES, planFences, respectFences } from '#operator/fleet/fences.ts';

const WINDOW_MS = 3_600_000;
const desired = (stopped: Record<string, StoppedBot>, live: string[] = [], synced = true): Desired => ({
  synced,
  unlisted: new Set(),
  kept: new Set(),
  routed: new Map(),
  bots: new Map(live.map((uid) => [uid, { set: { generation: 5 } } as never])),
  stopped: new Map(Object.entries(stopped)),
});
const state = (entries: Record<string, number>): FenceState => ({
  ...NO_FENCES,
  entries: new Map(Object.entries(entries)),
});
const at = (nowMs: number) => ({ nowMs, windowMs: WINDOW_MS });
const nobody = new Set<string>();

describe('Fences', () => {
  it('stand for suspended and deleted bots, and only rise', () => {
    const wanted = desired({ a: { why: 'suspended', generation: 5 }, b: { why: 'deleted', generation: 2 } });
    const plan = planFences(state({ a: 4, b: 9 }), wanted, new Set(['a', 'b']), at(0));
    expect([...plan.set]).toEqual([['a', 5]]);
    expect(plan.remove).toEqual([]);
    expect([...plan.next.entries]).toEqual([
      ['a', 5],
      ['b', 9],
    ]);
  });

  // The bot that is to run is of generation 5.
  it.each([
    ['no fence', {}, []],
    ['a fence of before it was resumed', { a: 4 }, ['a']],
    ['no number, which is 0', { a: 0 }, ['a']],
    ['a fence of its own generation: it was suspended by somebody who knows more', { a: 5 }, []],
    ['a later fence: it was suspended or deleted since', { a: 9 }, []],
  ])('go when a bot is resumed, and only then: %s', (_what, entries, removed) => {
    const wanted = desired({}, ['a'], false);
    const plan = planFences(state(entries), wanted, new Set(['a']), at(0));
    expect(plan.remove).toEqual(removed);
    const respected = respectFences(wanted, new Map(Object.entries(entries)));
    const runs = Object.keys(entries).length === removed.length;
    expect([...respected.bots.keys()]).toEqual(runs ? ['a'] : []);
    expect(respected.stopped.get('a')?.generation).toBe(runs ? undefined : Object.values(entries)[0]);
  });

  it('of bots that nobody knows stay while a namespace is not listed', () => {
    const wanted = { ...desired({}), unlisted: new Set(['gone']) };
    const first = planFences(state({ a: 1 }), wanted, nobody, at(0));
    expect(planFences(first.next, wanted, nobody, at(WINDOW_MS)).remove).toEqual([]);
  });

  it('stay while what their bot wants is unknown', () => {
    const wanted = { ...desired({}), kept: new Set(['a']) };
    const first = planFences(state({ a: 1 }), wanted, nobody, at(0));
    expect(planFences(first.next, wanted, nobody, at(WINDOW_MS)).remove).toEqual([]);
  });

  it('of a suspended bot stay forever', () => {
    const wanted = desired({ a: { why: 'suspended', generation: 1 } });
    const first = planFences(NO_FENCES, wanted, nobody, at(0));
    const later = planFences(first.next, wanted, nobody, at(100 * WINDOW_MS));
    expect([later.set.size, later.remove]).toEqual([0, []]);
  });

  it('of a deleted bot go one window after the last session dropped it, and are not set again', () => {
    const wanted = desired({ a: { why: 'deleted', generation: 1 } });
    let plan = planFences(NO_FENCES, wanted, new Set(['a']), at(0));
    expect(plan.set.size).toBe(1);
    plan = planFences(plan.next, wanted, nobody, at(1_000));
    // Held again in the meantime: the window restarts.
    plan = planFences(plan.next, wanted, new Set(['a']), at(2_000));
    plan = planFences(plan.next, wanted, nobody, at(3_000));
    plan = planFences(plan.next, wanted, nobody, at(3_000 + WINDOW_MS - 1));
    expect(plan.remove).toEqual([]);
    plan = planFences(plan.next, wanted, nobody, at(3_000 + WINDOW_MS));
    expect(plan.remove).toEqual(['a']);
    plan = planFences(plan.next, wanted, nobody, at(3_000 + 2 * WINDOW_MS));
    expect([plan.set.size, plan.remove]).toEqual([0, []]);
    // Still held after all, by a pod that was away.
    expect(planFences(plan.next, wanted, new Set(['a']), at(9 * WINDOW_MS)).set.size).toBe(1);
  });

  it('of bots that nobody knows any more wait for a complete list, then for a window', () => {
    let plan = planFences(state({ old: 3 }), desired({}, [], false), nobody, at(0));
    plan = planFences(plan.next, desired({}, [], true), nobody, at(5 * WINDOW_MS));
    expect(plan.remove).toEqual([]);
    plan = planFences(plan.next, desired({}, [], true), nobody, at(6 * WINDOW_MS));
    expect(plan.remove).toEqual(['old']);
  });
});

describe('Fences of bots that an app carries', () => {
  const carried = (generation: number, suspended = false) => ({
    appUid: 'app',
    teamID: 'T1',
    route: {
      ownerUid: 'a',
      bot: 'bots/a',
      generation,
      queueNamespace: '',
      events: { include: [], exclude: [], own: false },
      replies: 'wait' as const,
      suspended,
    },
  });

  it('go when the bot is resumed, and suspend a copy that is older than they are', () => {
    const wanted = (generation: number) => ({ ...desired({}), routed: new Map([['a', carried(generation)]]) });
    expect(planFences(state({ a: 2 }), wanted(3), nobody, at(0)).remove).toEqual(['a']);
    expect(planFences(state({ a: 3 }), wanted(3), nobody, at(0)).remove).toEqual([]);
    const respected = respectFences(wanted(3), new Map([['a', 3]]));
    expect(respected.routed.get('a')?.route.suspended).toBe(true);
    expect(respected.stopped.get('a')).toEqual({ why: 'suspended', generation: 3 });
    expect(respectFences(wanted(4), new Map([['a', 3]]))).toEqual(wanted(4));
  });

  it('stand while it is suspended, and for a window after it was deleted', () => {
    const suspended = {
      ...desired({ a: { why: 'suspended', generation: 3 } }),
      routed: new Map([['a', carried(3, true)]]),
    };
    expect([...planFences(state({}), suspended, nobody, at(0)).set]).toEqual([['a', 3]]);
    expect(planFences(state({ a: 3 }), suspended, nobody, at(WINDOW_MS)).remove).toEqual([]);
    const deleted = desired({ a: { why: 'deleted', generation: 3 } });
    const first = planFences(state({ a: 3 }), deleted, nobody, at(0));
    expect(first.remove).toEqual([]);
    expect(planFences(first.next, deleted, nobody, at(WINDOW_MS)).remove).toEqual(['a']);
  });
});
