import { describe, expect, it } from 'vitest';
import { ControlPlane } from '#cli/standalone/control-plane.ts';
import { appUidOf, botUidOf } from '#cli/standalone/objects/object-registry.ts';
import type { FleetView } from '#operator/fleet/fleet-view.ts';
import { app, bot, read, secret } from './sample-manifests.ts';

const uid = (name: string): string => botUidOf(`bots/${name}`, `T0${name.toUpperCase()}`);
const NONE_KNOWN = { fenced: new Map<string, number>(), assigned: new Map<string, number>() };
const SETTLED: FleetView = { bots: new Map(), pods: [], settled: true };

function controlPlaneOf(...documents: object[]) {
  const now = { view: SETTLED, ms: 0 };
  const controlPlane = new ControlPlane(new Map(), {
    planner: { view: () => now.view, nudge: () => undefined },
    clock: { wallMs: () => now.ms, monotonicMs: () => now.ms },
  });
  const take = (complete: boolean, ...next: object[]) => controlPlane.take({ ...read(...next), complete }, NONE_KNOWN);
  take(true, ...documents);
  const see = (view: FleetView, ms = now.ms) => {
    const changed = new Set([...view.bots.keys(), ...now.view.bots.keys()]);
    Object.assign(now, { view, ms });
    return controlPlane.look(changed);
  };
  const lines = () => {
    see(SETTLED);
    return Object.fromEntries([...controlPlane.summaries.values()].map(({ bot: name, reason }) => [name, reason]));
  };
  return { controlPlane, take, see, lines };
}

describe('what is desired of a directory', () => {
  it('is a socket set with its token for each bot whose credentials are good', () => {
    const { controlPlane } = controlPlaneOf(bot('a', { replicas: 3 }), secret('a'));
    const { bots, synced } = controlPlane.desired();
    expect(synced).toBe(true);
    expect(bots.get(uid('a'))).toMatchObject({
      token: 'xoxb-100-a',
      set: { replicas: 3, generation: 1, bot: 'bots/a' },
    });
  });

  it('is nothing for a bot that is suspended, lacks its Secret, or is the younger of two for one bot', () => {
    const same = { teamID: 'T0A', credentials: { secretRef: { name: 'a' } } };
    const { controlPlane, lines } = controlPlaneOf(
      bot('a'),
      secret('a'),
      bot('b', same),
      bot('c'),
      bot('d', { suspend: true }),
      secret('d'),
    );
    expect([...controlPlane.desired().bots.keys()]).toEqual([uid('a')]);
    expect([...controlPlane.desired().stopped]).toEqual([[uid('d'), { why: 'suspended', generation: 1 }]]);
    expect(lines()).toMatchObject({ 'bots/b': 'DuplicateBot', 'bots/c': 'SecretMissing', 'bots/d': 'Suspended' });
  });

  it('follows a token that changes, without a new generation', () => {
    const { controlPlane, take } = controlPlaneOf(bot('a'), secret('a'));
    take(true, bot('a'), secret('a', 'xoxb-100-rotated'));
    expect(controlPlane.desired().bots.get(uid('a'))).toMatchObject({
      token: 'xoxb-100-rotated',
      set: { generation: 1 },
    });
  });

  it('stops a bot that is removed until its sockets are closed, and then knows nothing of it', () => {
    const { controlPlane, take, see, lines } = controlPlaneOf(bot('a'), secret('a'));
    take(true);
    expect([...controlPlane.desired().stopped]).toEqual([[uid('a'), { why: 'deleted', generation: 1 }]]);
    see({ ...SETTLED, bots: new Map([[uid('a'), { slots: [], pending: [] }]]) });
    expect(controlPlane.desired().stopped.size).toBe(1);
    expect(lines()).toEqual({});
    expect(controlPlane.desired()).toEqual({
      synced: true,
      unlisted: new Set(),
      bots: new Map(),
      stopped: new Map(),
      routed: new Map(),
      kept: new Set(),
      refused: new Set(),
    });
  });

  it('keeps a bot that is renamed until its new name is live, or has had its time', () => {
    const { controlPlane, take, see } = controlPlaneOf(bot('a'), secret('a'));
    const renamed = bot('z', { teamID: 'T0A', credentials: { secretRef: { name: 'a' } } });
    const both = (): string[] => [...controlPlane.desired().bots.values()].map(({ set }) => set.bot).sort();
    const slot = { pod: 'p', zone: 'z', assignedAtMs: 1, role: 'active', state: 'live', reason: '' } as const;
    const live = { slots: [{ ...slot, message: '', tokenDigest: '', teamName: '', botUserID: '' }], pending: [] };
    take(true, renamed, secret('a'));
    expect(both()).toEqual(['bots/a', 'bots/z']);
    expect(see(SETTLED).get(uid('a'))).toBeUndefined();
    see(SETTLED, 28_000);
    expect(both()).toEqual(['bots/a', 'bots/z']);
    see({ ...SETTLED, bots: new Map([[botUidOf('bots/z', 'T0A'), live]]) }, 29_001);
    expect(both()).toEqual(['bots/z']);
    take(true, bot('a'), secret('a'));
    expect(both()).toEqual(['bots/a', 'bots/z']);
    see(SETTLED, 40_000);
    see(SETTLED, 70_000);
    expect(both()).toEqual(['bots/a']);
  });

  it('takes nothing away while a file has had problems since the start', () => {
    const { controlPlane, take } = controlPlaneOf();
    take(false, bot('a'));
    expect(controlPlane.desired()).toMatchObject({ synced: false, bots: new Map() });
    take(true, bot('a'), secret('a'));
    expect(controlPlane.desired().synced).toBe(true);
    expect(controlPlane.desired().bots.size).toBe(1);
  });

  it('reports each problem once, with file, document, field and remedy', () => {
    const { controlPlane, take } = controlPlaneOf(bot('a'), secret('a'));
    const told = take(true, bot('a', { teamID: 'T0OTHER' }), secret('a'));
    expect(told).toEqual([expect.stringMatching(/^bots\.yaml, document 1: spec\.teamID: .*delete this SlackBot/)]);
    expect(take(true, bot('a', { teamID: 'T0OTHER' }), secret('a'))).toEqual([]);
    expect(controlPlane.problems).toEqual(told);
    take(true, bot('a'), secret('a'));
    expect(controlPlane.problems).toEqual([]);
  });
});

describe('the lines of apps and of the bots that they carry', () => {
  const appUid = appUidOf('bots/many', 'A0MANY');
  const token = secret('many', 'xapp-1-A0MANY-1-secret');
  const carried = (name: string, spec: object = {}) =>
    bot(name, { transport: 'App', appRef: { name: 'many' }, credentials: undefined, ...spec });
  const slot = (zone: string) => ({
    pod: `p-${zone}`,
    zone,
    assignedAtMs: 1,
    role: 'active' as const,
    state: 'live' as const,
    reason: '',
    message: '',
    tokenDigest: '',
    teamName: '',
    botUserID: '',
  });
  const liveIn = (...zones: string[]): FleetView => ({
    ...SETTLED,
    bots: new Map([[appUid, { slots: zones.map(slot), pending: [] }]]),
    routed: new Set([uid('a'), uid('b')]),
  });

  it('count its teams, and show its sockets with each of them', () => {
    const { controlPlane, see } = controlPlaneOf(app('many'), token, carried('a'), carried('b'));
    see(liveIn('x', 'y'));
    expect([...controlPlane.summaries.values()]).toMatchObject([
      { bot: 'bots/many', appID: 'A0MANY', teams: 2, live: 2, desired: 2, zones: ['x', 'y'], ready: true },
      { bot: 'bots/a', app: 'bots/many', teamID: 'T0A', live: 2, desired: 2, ready: true },
      { bot: 'bots/b', app: 'bots/many', teamID: 'T0B', live: 2, desired: 2, ready: true },
    ]);
    expect(controlPlane.totals()).toEqual({ apps: { ready: 1, total: 1 }, bots: { ready: 2, total: 2 } });
  });

  it('follow the app: a socket that is lost is lost to all its bots', () => {
    const { controlPlane, see } = controlPlaneOf(app('many'), token, carried('a'));
    see(liveIn('x', 'y'));
    see(liveIn('x'));
    expect(controlPlane.summaries.get(uid('a'))).toMatchObject({ live: 1, desired: 2, ready: true });
    see(liveIn());
    expect(controlPlane.summaries.get(uid('a'))).toMatchObject({ live: 0, ready: false });
  });

  it('say what a bot lacks when its app is not there, and are gone with what they are about', () => {
    const { controlPlane, take, lines } = controlPlaneOf(carried('a'));
    expect(lines()).toEqual({ 'bots/a': 'AppMissing' });
    take(true, app('many'), token);
    expect(lines()).toEqual({ 'bots/many': 'NoConnectors' });
    expect(controlPlane.counts).toEqual({ apps: 1, bots: 0 });
  });
});
