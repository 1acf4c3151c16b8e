import { describe, expect, it } from 'vitest';
import { decodeSlot, encodeSlot, type Slot } from '#core/protocol/assignment.ts';
import type { SlotReport } from '#core/protocol/report.ts';
import type { Session } from '#core/protocol/session.ts';
import { adoptFromReports } from '#operator/fleet/adopt-from-reports.ts';
import { FleetMemory, observe } from '#operator/fleet/fleet-memory.ts';
import { type PodHead, type PodMemory, podPresence, readsNeeded, remember, wrote } from '#operator/fleet/pod-memory.ts';

const slot = (epoch = 1): Slot => ({
  epoch,
  generation: 1,
  role: 'active',
  kind: 'rtm',
  teamID: 'T1',
  bot: 'bots/a',
  queueNamespace: '',
  events: { include: [], exclude: [], own: false },
  token: 'v1.k.x',
  tokenDigest: 'd',
  assignedAtMs: 5,
  cause: 'place',
});
const report = (change: Partial<SlotReport> = {}): string =>
  JSON.stringify({ epoch: 1, incarnation: 'i1', state: 'live', tokenDigest: 'd', ...change });
const session = (change: Partial<Session> = {}): string =>
  JSON.stringify({
    pod: 'a',
    incarnation: 'i1',
    zone: 'z',
    capacity: 9,
    state: 'up',
    version: 0,
    keyIDs: ['k'],
    reportVersion: 1,
    ...change,
  });
const head = (change: Partial<PodHead> = {}): PodHead => ({
  session: session(),
  renewedMs: undefined,
  version: undefined,
  fields: 0,
  ...change,
});
const hash = (...ids: string[]): Record<string, string> =>
  Object.fromEntries(ids.map((id) => [id, JSON.stringify(slot())]));
const time = { nowMs: 1_000, redisNowMs: 50_000 };
const read = (
  memory: PodMemory | undefined,
  h: PodHead,
  assign?: Record<string, string>,
  reports?: Record<string, string>,
) => remember(memory, h, { assign, reports }, time);

/** Holds version 3 with two slots, as read. */
const held = (): PodMemory => read(undefined, head({ version: 3, fields: 2 }), hash('u/0', 'v/0'), { 'u/0': report() });

describe('What a planner knows of a pod', () => {
  it('is what Redis holds, and is read again only when that changes', () => {
    const memory = held();
    expect([[...memory.slots.keys()], memory.version, memory.lost, memory.known]).toEqual([
      ['u/0', 'v/0'],
      3,
      false,
      true,
    ]);
    expect(readsNeeded(memory, head({ version: 3, fields: 2 }))).toEqual({ assign: false, reports: false });
    expect(readsNeeded(memory, head({ version: 4, fields: 2 })).assign).toBe(true);
    expect(readsNeeded(memory, head({ version: 3, fields: 1 })).assign).toBe(true);
    expect(readsNeeded(memory, head({ version: 3, fields: 2, session: session({ reportVersion: 2 }) })).reports).toBe(
      true,
    );
    expect(readsNeeded(memory, head({ version: 3, fields: 2, session: session({ incarnation: 'i2' }) })).reports).toBe(
      true,
    );
    expect(readsNeeded({ ...memory, doubted: true }, head({ version: 3, fields: 2 })).assign).toBe(true);
  });

  it.each<[string, PodHead, Record<string, string>]>([
    ['the version', head({ version: undefined, fields: 2 }), hash('u/0', 'v/0')],
    ['version and hash', head({ version: undefined, fields: 0 }), {}],
    ['the hash', head({ version: 3, fields: 0 }), {}],
    ['a slot', head({ version: 3, fields: 1 }), hash('u/0')],
    ['the newest version', head({ version: 2, fields: 1 }), hash('u/0')],
    ['the sense of a slot', head({ version: 3, fields: 2 }), { ...hash('u/0'), 'v/0': '{"epoch":"x"}' }],
    ['everything between two reads', head({ version: 3, fields: 2 }), {}],
  ])('stays when Redis has lost %s, and is to be written whole', (_what, now, assign) => {
    const memory = read({ ...held(), doubted: true }, now, assign);
    expect(memory.lost).toBe(true);
    expect([...memory.slots.keys()].sort()).toEqual(['u/0', 'v/0']);
    expect(memory.version).toBe(3);
  });

  it('follows a higher version, also when it has fewer slots', () => {
    const memory = read(held(), head({ version: 4, fields: 1 }), hash('v/0'));
    expect([[...memory.slots.keys()], memory.lost]).toEqual([['v/0'], false]);
  });

  it('counts a version that only the pod itself still holds', () => {
    const memory = read(undefined, head({ session: session({ version: 7 }), version: undefined }), {});
    expect([memory.version, memory.lost]).toEqual([7, true]);
    const back = read(undefined, head({ session: session({ version: 7 }), version: 5, fields: 1 }), hash('u/0'));
    expect([back.version, back.lost]).toEqual([7, true]);
  });

  it('of a new pod is nothing, and nothing is lost', () => {
    const memory = read(undefined, head(), {});
    expect([memory.lost, memory.known, memory.version]).toEqual([false, true, 0]);
  });

  it('takes no report of an earlier life of the pod for one of now', () => {
    const memory = read(held(), head({ version: 3, fields: 2, session: session({ incarnation: 'i2' }) }), undefined, {
      'u/0': report(),
      'v/0': report({ incarnation: 'i2' }),
    });
    expect([...memory.reports.keys()]).toEqual(['v/0']);
  });

  it('still counts a lease that it cannot read as a lease', () => {
    const memory = read(held(), head({ version: 3, fields: 2, session: '{"pod":' }));
    expect([memory.session?.incarnation, memory.lastSeenMs]).toEqual(['i1', 1_000]);
  });

  it('expects a draining pod back until 90 s after it began by Redis time', () => {
    const draining = session({ state: 'draining', drainingSinceMs: 40_000 });
    expect(read(held(), head({ session: draining, version: 3, fields: 2 })).returnUntilMs).toBe(81_000);
  });

  describe('is whether its process runs', () => {
    const at = (nowMs: number, redisNowMs: number) => ({ nowMs, redisNowMs });
    const nothing = { assign: undefined, reports: undefined };
    const draining = session({ state: 'draining', drainingSinceMs: 40_000 });

    it('by when it was last renewed, since the key of a pod that drains outlives it', () => {
      const memory = remember(undefined, head({ session: draining, renewedMs: 40_000 }), nothing, at(1_000, 50_000));
      expect(podPresence(memory, 1_000)).toBe('present');
      expect(podPresence(memory, 5_999)).toBe('present');
      expect(podPresence(memory, 6_000)).toBe('returning');
      expect(podPresence(memory, 81_000)).toBe('lost');
    });

    it('by what was seen before, where another Redis with another clock takes over', () => {
      const before = remember(undefined, head({ renewedMs: 49_000 }), nothing, at(1_000, 50_000));
      const after = remember(before, head({ session: undefined, renewedMs: 49_000 }), nothing, at(2_000, 110_000));
      expect(podPresence(after, 2_000)).toBe('present');
      expect(podPresence(after, 15_000)).toBe('lost');
    });

    it('by its key while it is up, whatever else Redis has lost', () => {
      const memory = remember(undefined, head({ renewedMs: undefined }), nothing, at(1_000, 50_000));
      expect(podPresence(memory, 100_000)).toBe('present');
    });
  });

  it('is what was written', () => {
    const memory = wrote({ ...held(), lost: true }, 8, new Map([['w/0', slot(2)]]));
    expect(readsNeeded(memory, head({ version: 8, fields: 1 }))).toMatchObject({ assign: false });
    expect([memory.lost, memory.version]).toEqual([false, 8]);
  });
});

describe('A fleet', () => {
  const heads = (pods: Record<string, PodHead>, owner: string | undefined = 'me') => ({
    redisNowMs: 50_000,
    owner,
    pods: new Map(Object.entries(pods)),
    listed: new Set(Object.keys(pods)),
    routes: new Map<string, string>(),
  });
  const inputs = {
    synced: true,
    unlisted: new Set<string>(),
    stopped: new Map<string, { generation: number }>(),
    kept: new Set<string>(),
    sets: new Map(),
    fleetKeys: [{ id: 'k', secret: Buffer.alloc(32) }],
    lastMoveMs: new Map(),
  };
  const bodies = (assign: Record<string, string>, reports: Record<string, string> = {}) =>
    new Map([['a', { assign, reports }]]);

  it('is settled once it was read without a break for long enough, and not after a break', () => {
    const memory = new FleetMemory(20_000);
    memory.read(heads({}), new Map(), 0);
    expect([memory.settled(19_999), memory.settled(20_000)]).toEqual([false, true]);
    memory.interrupted();
    expect(memory.settled(30_000)).toBe(false);
    memory.read(heads({}), new Map(), 30_000);
    expect([memory.settled(49_999), memory.settled(50_000)]).toEqual([false, true]);
  });

  it('is read again after a break, since another planner may have written', () => {
    const memory = new FleetMemory(20_000);
    const now = head({ version: 3, fields: 1 });
    memory.read(heads({ a: now }), bodies(hash('u/0')), 0);
    expect(readsNeeded(memory.pods.get('a'), now).assign).toBe(false);
    memory.interrupted();
    expect(readsNeeded(memory.pods.get('a'), now).assign).toBe(true);
  });

  it.each([
    ['the owner of the scope', heads({ a: head({ version: 3, fields: 1 }) }, undefined)],
    ['a version that it had', heads({ a: head({ version: undefined }) })],
  ])('is unsettled again when Redis has lost %s', (_what, after) => {
    const memory = new FleetMemory(20_000);
    memory.read(heads({ a: head({ version: 3, fields: 1 }) }), bodies(hash('u/0')), 0);
    const gone = { ...after, owner: after.owner as string | undefined };
    expect(
      memory.read(_what === 'the owner of the scope' ? { ...gone, owner: undefined } : gone, bodies({}), 30_000),
    ).toBe(true);
    expect([memory.settled(30_001), memory.settled(50_000)]).toEqual([false, true]);
  });

  it('takes the reports of a pod for its slots when nothing else is known of them', () => {
    const memory = new FleetMemory(20_000);
    const now = head({ session: session({ version: 7 }) });
    memory.read(heads({ a: now }), bodies({}, { 'u/0': report({ epoch: 4 }), 'v/1': report() }), 0);
    const input = observe(memory, inputs, 0, 0);
    expect([...(input.assignments.get('a') ?? [])].map(([id, { epoch }]) => [id, epoch])).toEqual([
      ['u/0', 4],
      ['v/1', 1],
    ]);
    expect([...input.lost]).toEqual(['a']);
  });

  it('calls a pod lost of which nothing is known until it had the time to report', () => {
    const memory = new FleetMemory(20_000);
    memory.read(heads({ a: head({ session: session({ version: 7 }) }) }), bodies({}), 0);
    expect([...observe(memory, inputs, 0, 0).lost]).toEqual(['a']);
    expect([...observe(memory, inputs, 20_000, 0).lost]).toEqual([]);
  });

  it('shows no reports of a pod without a session, and gives nothing to a pod without a common key', () => {
    const memory = new FleetMemory(20_000);
    memory.read(heads({ a: head({ version: 3, fields: 1 }) }), bodies(hash('u/0'), { 'u/0': report() }), 0);
    memory.read(heads({ a: head({ version: 3, fields: 1, session: undefined }) }), new Map(), 1);
    const input = observe(memory, { ...inputs, fleetKeys: [] }, 1, 0);
    expect(input.reports.get('a')?.size).toBe(0);
    memory.read(heads({ a: head({ version: 3, fields: 1 }) }), new Map(), 2);
    expect(observe(memory, { ...inputs, fleetKeys: [] }, 2, 0).pods[0]?.takesSlots).toBe(false);
    expect(observe(memory, inputs, 2, 0).pods[0]?.takesSlots).toBe(true);
  });
});

it('A slot adopted from a report has the spec of its bot if that is known, and its place if not', () => {
  const set = {
    ownerUid: 'u',
    bot: 'bots/u',
    kind: 'rtm' as const,
    teamID: 'T1',
    replicas: 2,
    generation: 3,
    queueNamespace: 'n',
    events: { include: ['a'], exclude: [], own: true },
    tokenDigest: 'new',
  };
  const said: SlotReport = {
    epoch: 4,
    incarnation: 'i1',
    state: 'live',
    reason: '',
    message: '',
    tokenDigest: 'old',
    teamName: '',
    botUserID: '',
  };
  const slots = adoptFromReports(
    new Map([
      ['u/1', said],
      ['x/0', said],
      ['y/0', { ...said, kind: 'socketMode' }],
      ['z/0', { ...said, kind: 'app' }],
    ]),
    new Map([['u', set]]),
  );
  expect(slots.get('u/1')).toMatchObject({ epoch: 4, bot: 'bots/u', teamID: 'T1', tokenDigest: 'old', token: '' });
  // A connector of an earlier version, which ran nothing else, does not say.
  expect(slots.get('x/0')).toMatchObject({ epoch: 4, kind: 'rtm', bot: '', tokenDigest: 'old', token: '' });
  expect(slots.get('y/0')).toMatchObject({ epoch: 4, kind: 'socketMode', bot: '', tokenDigest: 'old', token: '' });
  expect(slots.get('z/0')).toMatchObject({ epoch: 4, kind: 'app', bot: '', tokenDigest: 'old', token: '' });
  for (const slot of slots.values()) expect(decodeSlot(encodeSlot(slot))).toEqual(slot);
});
