import { describe, expect, it } from 'vitest';
import type { DesiredBot } from '#operator/fleet/desired.ts';
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
const suspended = { why: 'suspended', generation: 1 } as const;

describe('what is desired', () => {
  it('is not complete before each bot of the list was judged', () => {
    const desired = new DesiredState();
    expect(desired.value().synced).toBe(false);
    desired.begin(['a', 'b', 'c']);
    desired.run(bot('a'));
    desired.stop('b', suspended);
    expect(desired.value().synced).toBe(false);
    desired.none('c');
    expect(desired.value().synced).toBe(true);
  });

  it('is complete without a bot that can not be judged: it keeps what it has, and holds up no other', () => {
    const desired = new DesiredState();
    desired.begin(['a', 'b']);
    desired.run(bot('b'));
    expect(desired.unknown('a')).toBe(true);
    expect(desired.value()).toMatchObject({ synced: true, kept: new Set(['a']) });
    expect(desired.unknown('a')).toBe(false);
    expect(desired.run(bot('a'))).toBe(true);
    expect(desired.value()).toMatchObject({ synced: true, kept: new Set() });
  });

  it('counts a bot as judged that was known before the list was', () => {
    const desired = new DesiredState();
    desired.run(bot('a'));
    desired.unknown('b');
    desired.begin(['a', 'b']);
    expect([desired.unknown('a'), desired.value().synced]).toEqual([false, false]);
    expect([desired.unknown('b'), desired.value().synced]).toEqual([true, true]);
  });

  it('keeps what was known of a bot that has become unknown', () => {
    const desired = new DesiredState();
    desired.begin(['a', 'b']);
    desired.run(bot('a'));
    desired.stop('b', suspended);
    const before = desired.value();
    desired.unknown('a');
    desired.unknown('b');
    expect(desired.value()).toBe(before);
    expect(before).toMatchObject({ synced: true, bots: new Map([['a', bot('a')]]) });
  });

  it('tells what changes from what does not', () => {
    const desired = new DesiredState();
    desired.begin(['a', 'x']);
    expect(desired.run(bot('a'))).toBe(true);
    expect(desired.run(bot('a'))).toBe(false);
    expect(desired.run(bot('a', 'xoxb-2'))).toBe(true);
    expect(desired.stop('a', suspended)).toBe(true);
    expect(desired.stop('a', suspended)).toBe(false);
    expect(desired.stop('a', { ...suspended, generation: 2 })).toBe(true);
    expect(desired.none('a')).toBe(true);
    expect(desired.none('a')).toBe(false);
    expect(desired.none('x')).toBe(true); // the list is complete now
  });

  it('gives snapshots that later changes leave alone', () => {
    const desired = new DesiredState();
    desired.begin([]);
    desired.run(bot('a'));
    const before = desired.value();
    desired.none('a');
    expect(before.bots.has('a')).toBe(true);
    expect(desired.value().bots.has('a')).toBe(false);
  });

  it('keeps a bot whose object has changed as it is, until that very generation was judged', () => {
    const desired = new DesiredState();
    desired.begin(['a']);
    desired.run(bot('a'));
    desired.doubt('a', 2);
    expect(desired.value()).toMatchObject({ synced: true, bots: new Map(), kept: new Set(['a']) });
    // A judgement of the generation before was under way.
    desired.run(bot('a'));
    expect(desired.value().kept).toEqual(new Set(['a']));
    desired.stop('a', { why: 'suspended', generation: 2 });
    expect(desired.value()).toMatchObject({ kept: new Set(), bots: new Map() });
    expect(desired.value().stopped.get('a')?.generation).toBe(2);
  });

  it('goes on stopping a bot that is doubted', () => {
    const desired = new DesiredState();
    desired.stop('a', suspended);
    desired.doubt('a', 2);
    expect(desired.value().stopped.get('a')).toEqual(suspended);
  });

  it('is complete but for namespaces that are not listed', () => {
    const desired = new DesiredState();
    desired.begin([], ['bad']);
    expect([desired.value().synced, [...desired.value().unlisted]]).toEqual([true, ['bad']]);
    expect([desired.listed('bad'), desired.listed('bad')]).toEqual([true, false]);
    expect(desired.value().unlisted.size).toBe(0);
  });
});
