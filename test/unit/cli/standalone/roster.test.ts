import { describe, expect, it } from 'vitest';
import { uidOf } from '#cli/standalone/bot-book.ts';
import { Roster } from '#cli/standalone/roster.ts';
import type { FleetView } from '#operator/fleet/fleet-view.ts';
import { bot, read, secret } from './manifests.ts';

const uid = (name: string): string => uidOf('bots', name, `T0${name.toUpperCase()}`);
const NO_FENCES = { fences: new Map<string, number>(), placed: new Map<string, number>() };
const SETTLED: FleetView = { bots: new Map(), pods: [], settled: true };

function rosterOf(...documents: object[]) {
  const now = { view: SETTLED, ms: 0 };
  const roster = new Roster(new Map(), {
    planner: { view: () => now.view, nudge: () => undefined },
    clock: { wallMs: () => now.ms, monotonicMs: () => now.ms },
  });
  const take = (complete: boolean, ...next: object[]) => roster.take({ ...read(...next), complete }, NO_FENCES);
  take(true, ...documents);
  const see = (view: FleetView, ms = now.ms) => {
    const changed = new Set([...view.bots.keys(), ...now.view.bots.keys()]);
    Object.assign(now, { view, ms });
    return roster.look(changed);
  };
  const lines = () => {
    see(SETTLED);
    return Object.fromEntries([...roster.lines.values()].map(({ bot: name, reason }) => [name, reason]));
  };
  return { roster, take, see, lines };
}

describe('what is desired of a directory', () => {
  it('is a socket set with its token for each bot whose credentials are good', () => {
    const { roster } = rosterOf(bot('a', { replicas: 3 }), secret('a'));
    const { bots, synced } = roster.desired();
    expect(synced).toBe(true);
    expect(bots.get(uid('a'))).toMatchObject({
      token: 'xoxb-100-a',
      set: { replicas: 3, generation: 1, bot: 'bots/a' },
    });
  });

  it('is nothing for a bot that is suspended, lacks its Secret, or is the younger of two for one bot', () => {
    const same = { teamID: 'T0A', credentials: { secretRef: { name: 'a' } } };
    const { roster, lines } = rosterOf(
      bot('a'),
      secret('a'),
      bot('b', same),
      bot('c'),
      bot('d', { suspend: true }),
      secret('d'),
    );
    expect([...roster.desired().bots.keys()]).toEqual([uid('a')]);
    expect([...roster.desired().stopped]).toEqual([[uid('d'), { why: 'suspended', generation: 1 }]]);
    expect(lines()).toMatchObject({ 'bots/b': 'DuplicateBot', 'bots/c': 'SecretMissing', 'bots/d': 'Suspended' });
  });

  it('follows a token that changes, without a new generation', () => {
    const { roster, take } = rosterOf(bot('a'), secret('a'));
    take(true, bot('a'), secret('a', 'xoxb-100-rotated'));
    expect(roster.desired().bots.get(uid('a'))).toMatchObject({ token: 'xoxb-100-rotated', set: { generation: 1 } });
  });

  it('stops a bot that is removed until its sockets are closed, and then knows nothing of it', () => {
    const { roster, take, see, lines } = rosterOf(bot('a'), secret('a'));
    take(true);
    expect([...roster.desired().stopped]).toEqual([[uid('a'), { why: 'deleted', generation: 1 }]]);
    see({ ...SETTLED, bots: new Map([[uid('a'), { slots: [], pending: [] }]]) });
    expect(roster.desired().stopped.size).toBe(1);
    expect(lines()).toEqual({});
    expect(roster.desired()).toEqual({
      synced: true,
      unlisted: new Set(),
      bots: new Map(),
      stopped: new Map(),
      kept: new Set(),
    });
  });

  it('keeps a bot that is renamed until its new name is live, or has had its time', () => {
    const { roster, take, see } = rosterOf(bot('a'), secret('a'));
    const renamed = bot('z', { teamID: 'T0A', credentials: { secretRef: { name: 'a' } } });
    const both = (): string[] => [...roster.desired().bots.values()].map(({ set }) => set.bot).sort();
    const slot = { pod: 'p', zone: 'z', assignedAtMs: 1, role: 'active', state: 'live', reason: '' } as const;
    const live = { slots: [{ ...slot, message: '', tokenDigest: '', teamName: '', botUserID: '' }], pending: [] };
    take(true, renamed, secret('a'));
    expect(both()).toEqual(['bots/a', 'bots/z']);
    expect(see(SETTLED).get(uid('a'))).toBeUndefined();
    see(SETTLED, 28_000);
    expect(both()).toEqual(['bots/a', 'bots/z']);
    see({ ...SETTLED, bots: new Map([[uidOf('bots', 'z', 'T0A'), live]]) }, 29_001);
    expect(both()).toEqual(['bots/z']);
    take(true, bot('a'), secret('a'));
    expect(both()).toEqual(['bots/a', 'bots/z']);
    see(SETTLED, 40_000);
    see(SETTLED, 70_000);
    expect(both()).toEqual(['bots/a']);
  });

  it('takes nothing away while a file has had problems since the start', () => {
    const { roster, take } = rosterOf();
    take(false, bot('a'));
    expect(roster.desired()).toMatchObject({ synced: false, bots: new Map() });
    take(true, bot('a'), secret('a'));
    expect(roster.desired().synced).toBe(true);
    expect(roster.desired().bots.size).toBe(1);
  });

  it('tells each problem once, with file, document, field and remedy', () => {
    const { roster, take } = rosterOf(bot('a'), secret('a'));
    const told = take(true, bot('a', { teamID: 'T0OTHER' }), secret('a'));
    expect(told).toEqual([expect.stringMatching(/^bots\.yaml, document 1: spec\.teamID: .*delete this SlackBot/)]);
    expect(take(true, bot('a', { teamID: 'T0OTHER' }), secret('a'))).toEqual([]);
    expect(roster.problems).toEqual(told);
    take(true, bot('a'), secret('a'));
    expect(roster.problems).toEqual([]);
  });
});
