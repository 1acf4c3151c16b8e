import { describe, expect, it } from 'vitest';
import type { DesiredBot, Want } from '#operator/fleet/desired.ts';
import { DesiredState } from '#operator/reconcile/desired-state.ts';

const bot = (ownerUid: string, token = 'xoxb-1'): DesiredBot => ({
  set: {
    ownerUid,
    bot: `bots/${ownerUid}`,
    kind: 'rtm',
    teamID: 'T1',
    replicas: 2,
    generation: 1,
    queueNamespace: '',
    events: { include: [], exclude: [], own: false },
    tokenDigest: token,
  },
  token,
});
const run = (ownerUid: string, token?: string): Want => ({ kind: 'run', bot: bot(ownerUid, token) });
const suspended = { kind: 'stop', why: 'suspended', generation: 1 } as const;
const NONE: Want = { kind: 'none' };
const UNKNOWN: Want = { kind: 'unknown' };

describe('what is desired', () => {
  it('is not complete before each bot of the list was judged', () => {
    const desired = new DesiredState();
    expect(desired.value().synced).toBe(false);
    desired.begin(['a', 'b', 'c']);
    desired.set('a', run('a'), 1);
    desired.set('b', suspended, 1);
    expect(desired.value().synced).toBe(false);
    desired.set('c', NONE);
    expect(desired.value().synced).toBe(true);
  });

  it('is complete without a bot that cannot be judged: it keeps what it has, and holds up no other', () => {
    const desired = new DesiredState();
    desired.begin(['a', 'b']);
    desired.set('b', run('b'), 1);
    expect(desired.set('a', UNKNOWN)).toBe(true);
    expect(desired.value()).toMatchObject({ synced: true, kept: new Set(['a']) });
    expect(desired.set('a', UNKNOWN)).toBe(false);
    expect(desired.set('a', run('a'), 1)).toBe(true);
    expect(desired.value()).toMatchObject({ synced: true, kept: new Set() });
  });

  it('counts a bot as judged that was known before the list was', () => {
    const desired = new DesiredState();
    desired.set('a', run('a'), 1);
    desired.set('b', UNKNOWN);
    desired.begin(['a', 'b']);
    expect([desired.set('a', UNKNOWN), desired.value().synced]).toEqual([false, false]);
    expect([desired.set('b', UNKNOWN), desired.value().synced]).toEqual([true, true]);
  });

  it('keeps what was known of a bot that has become unknown', () => {
    const desired = new DesiredState();
    desired.begin(['a', 'b']);
    desired.set('a', run('a'), 1);
    desired.set('b', suspended, 1);
    const before = desired.value();
    desired.set('a', UNKNOWN);
    desired.set('b', UNKNOWN);
    expect(desired.value()).toBe(before);
    expect(before).toMatchObject({ synced: true, bots: new Map([['a', bot('a')]]) });
  });

  it('distinguishes changes from repetitions', () => {
    const desired = new DesiredState();
    desired.begin(['a', 'x']);
    expect(desired.set('a', run('a'), 1)).toBe(true);
    expect(desired.set('a', run('a'), 1)).toBe(false);
    expect(desired.set('a', run('a', 'xoxb-2'), 1)).toBe(true);
    expect(desired.set('a', suspended, 1)).toBe(true);
    expect(desired.set('a', suspended, 1)).toBe(false);
    expect(desired.set('a', { ...suspended, generation: 2 }, 2)).toBe(true);
    expect(desired.set('a', NONE)).toBe(true);
    expect(desired.set('a', NONE)).toBe(false);
    expect(desired.set('x', NONE)).toBe(true); // the list is complete now
  });

  it('gives snapshots that later changes leave alone', () => {
    const desired = new DesiredState();
    desired.begin([]);
    desired.set('a', run('a'), 1);
    const before = desired.value();
    desired.set('a', NONE);
    expect(before.bots.has('a')).toBe(true);
    expect(desired.value().bots.has('a')).toBe(false);
  });

  it('keeps a bot whose object has changed as it is, until that very generation was judged', () => {
    const desired = new DesiredState();
    desired.begin(['a']);
    desired.set('a', run('a'), 1);
    desired.doubt('a', 2);
    expect(desired.value()).toMatchObject({ synced: true, bots: new Map(), kept: new Set(['a']) });
    // A judgement of the generation before was under way.
    desired.set('a', run('a'), 1);
    expect(desired.value().kept).toEqual(new Set(['a']));
    desired.set('a', { ...suspended, generation: 2 }, 2);
    expect(desired.value()).toMatchObject({ kept: new Set(), bots: new Map() });
    expect(desired.value().stopped.get('a')?.generation).toBe(2);
  });

  it('keeps stopping a bot that has become unknown', () => {
    const desired = new DesiredState();
    desired.set('a', suspended, 1);
    desired.doubt('a', 2);
    expect(desired.value().stopped.get('a')).toEqual({ why: 'suspended', generation: 1 });
  });

  it('is complete but for namespaces that are not listed', () => {
    const desired = new DesiredState();
    desired.begin([], ['bad']);
    expect([desired.value().synced, [...desired.value().unlisted]]).toEqual([true, ['bad']]);
    expect([desired.listed('bad'), desired.listed('bad')]).toEqual([true, false]);
    expect(desired.value().unlisted.size).toBe(0);
  });
});

describe('bots that an app carries', () => {
  const route = (ownerUid: string, appUid: string): Want => ({
    kind: 'route',
    appUid,
    teamID: `T${ownerUid}`,
    route: {
      ownerUid,
      bot: `bots/${ownerUid}`,
      generation: 1,
      queueNamespace: '',
      events: { include: [], exclude: [], own: false },
      replies: 'wait',
      suspended: false,
    },
  });

  it('are counted for their app, suspended ones too', () => {
    const desired = new DesiredState();
    desired.set('a', route('a', 'app'));
    desired.set('b', route('b', 'app'));
    const { kind: _kind, ...routed } = route('b', 'app') as Want & { kind: 'route' };
    desired.set('b', { kind: 'stop', why: 'suspended', generation: 2, routed });
    expect([desired.teamsOf('app'), [...desired.value().routed.keys()]]).toEqual([2, ['a', 'b']]);
    desired.set('a', route('a', 'other'));
    desired.set('b', { kind: 'stop', why: 'deleted', generation: 2 });
    expect([desired.teamsOf('app'), desired.teamsOf('other')]).toEqual([0, 1]);
  });

  it('may have sockets of their own as well, for a while', () => {
    const desired = new DesiredState();
    const { kind: _kind, ...routed } = route('a', 'app') as Want & { kind: 'route' };
    const ran = { set: { ownerUid: 'a' }, token: 't' } as DesiredBot;
    desired.set('a', { kind: 'run', bot: ran, routed });
    const { bots, routed: rows } = desired.value();
    expect([bots.get('a'), rows.get('a'), desired.wanted('a'), desired.teamsOf('app')]).toEqual([ran, routed, ran, 1]);
    desired.set('a', { kind: 'run', bot: ran });
    expect([desired.value().routed.size, desired.teamsOf('app')]).toEqual([0, 0]);
  });

  it('stay as they are while nothing is known of them, or they have changed', () => {
    const desired = new DesiredState();
    desired.set('a', route('a', 'app'));
    desired.set('a', { kind: 'unknown' });
    expect(desired.routed('a')?.appUid).toBe('app');
    desired.doubt('a', 2);
    expect([...desired.value().routed.keys(), ...desired.value().kept]).toEqual(['a']);
    desired.set('a', route('a', 'app'), 2);
    expect([[...desired.value().routed.keys()], [...desired.value().kept]]).toEqual([['a'], []]);
  });
});
