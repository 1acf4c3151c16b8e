import { describe, expect, it } from 'vitest';
import { type BotSocket, botStatus } from '#cli/status/bot-status.ts';
import { clusterStatus, type FleetStatus, NO_SOCKETS, type PodFacts, podStatus } from '#cli/status/fleet-status.ts';
import { exitCodeOf, problemsOf } from '#cli/status/health.ts';
import { renderFleet } from '#cli/status/render.ts';
import { decodeSlot, type Slot } from '#core/protocol/assignment.ts';
import { type BotSummary, botSummarySchema } from '#core/protocol/bot-summary.ts';
import { slotReportSchema } from '#core/protocol/report.ts';
import { sessionSchema } from '#core/protocol/session.ts';

const session = sessionSchema.parse({
  pod: 'c-0',
  incarnation: 'now',
  zone: 'a',
  capacity: 10,
  state: 'up',
  version: 1,
  keyIDs: [],
  reportVersion: 1,
  pid: 42,
});
const report = (state: string, incarnation = 'now') =>
  slotReportSchema.parse({ epoch: 1, incarnation, state, tokenDigest: 'd' });
const bot = (name: string, ready: boolean, reason: string) =>
  botSummarySchema.parse({ bot: name, teamID: 'T1', desired: 2, live: ready ? 2 : 0, ready, reason, message: 'why' });

const NOW = 1_000_000;
const slotOf = (name = 'b/u', epoch = 1): Slot | undefined =>
  decodeSlot(
    JSON.stringify({
      epoch,
      generation: 1,
      role: 'active',
      kind: 'rtm',
      teamID: 'T1',
      bot: name,
      queueNamespace: '',
      events: {},
      token: 's',
      tokenDigest: 'd',
    }),
  );
const factsOf = (change: Partial<PodFacts> = {}): PodFacts => ({
  pod: 'c-0',
  session,
  renewedMs: NOW - 4_000,
  slots: new Map([['u/0', slotOf()]]),
  reports: new Map([['u/0', report('live')]]),
  ...change,
});
const draining = { ...session, state: 'draining' as const, drainingSinceMs: NOW - 30_000 };

describe('a bot that misses a socket', () => {
  const socket = (change: Partial<BotSocket>): BotSocket => ({
    index: 0,
    zone: 'a',
    bot: 'b/u',
    teamID: 'T1',
    state: 'waiting',
    reason: 'WaitingForBudget',
    message: 'why',
    ...change,
  });
  const around = { planner: true, connectors: true };

  it('says until when it waits, from what its connectors report and not from an older line', () => {
    const line = { ...bot('b/u', false, 'WaitingForBudget'), waitUntilMs: NOW - 5_000, waitsFor: 'retry' };
    const sockets = [socket({ waitUntilMs: NOW + 42_000 }), socket({ index: 1, waitUntilMs: NOW + 60_000 })];
    expect(botStatus(line, sockets, around)).toMatchObject({ waitUntilMs: NOW + 42_000, waitsFor: 'budget' });
  });

  it('says why, while another is live', () => {
    const crowded = socket({ index: 1, state: 'connecting', reason: 'TooManyWebsockets', message: 'Lower replicas.' });
    const missing = (second: BotSocket) =>
      botStatus(bot('b/u', true, 'Live'), [socket({ state: 'live', reason: '' }), second], around).missing;
    expect(missing(crowded)).toEqual({ reason: 'TooManyWebsockets', message: 'Lower replicas.' });
    expect(missing(socket({ index: 1, reason: '', message: '' }))).toBeUndefined();
    expect(missing(socket({ index: 1, state: 'live', reason: '' }))).toBeUndefined();
  });

  it('waits for nothing when all its sockets are live', () => {
    const sockets = [socket({ state: 'live', reason: '' }), socket({ index: 1, state: 'live', reason: '' })];
    const { waitUntilMs } = botStatus(bot('b/u', true, 'Live'), sockets, around);
    expect(waitUntilMs).toBeUndefined();
  });
});

describe('the status of a pod', () => {
  it('counts slots by what the present incarnation reports of their present epoch', () => {
    const slots = new Map([
      ['u/0', slotOf()],
      ['v/0', slotOf()],
      ['w/0', slotOf()],
      ['x/0', slotOf('b/x', 2)],
    ]);
    const reports = new Map([
      ['u/0', report('live')],
      ['v/0', report('live', 'before')],
      ['x/0', report('live')],
    ]);
    expect(podStatus(factsOf({ slots, reports }), NOW)).toEqual({
      pod: 'c-0',
      zone: 'a',
      state: 'up',
      pid: 42,
      capacity: 10,
      slots: 4,
      faults: [],
      sockets: { ...NO_SOCKETS, live: 1, unreported: 3 },
    });
  });

  it.each<[string, Partial<PodFacts>, string, number]>([
    ['that drains has what it reports', { session: draining }, 'draining', 1],
    ['that has closed its sockets has left', { session: { ...draining, left: true } }, 'left', 0],
    ['that was killed while it drained has left', { session: draining, renewedMs: NOW - 15_000 }, 'left', 0],
    ['whose lease has run out is gone', { session: undefined, renewedMs: NOW - 15_001 }, 'gone', 0],
  ])('%s', (_what, change, state, live) => {
    expect(podStatus(factsOf(change), NOW)).toMatchObject({ state, sockets: { live } });
  });

  it('forgets a pod without a session and slots', () => {
    expect(podStatus(factsOf({ session: undefined, slots: new Map() }), NOW)).toBeUndefined();
  });
});

describe('the line of a bot', () => {
  const socket = (change: Partial<BotSocket> = {}): BotSocket => ({
    index: 0,
    zone: 'a',
    bot: 'b/u',
    teamID: 'T1',
    state: 'live',
    reason: '',
    message: '',
    ...change,
  });
  const gone = socket({ state: undefined, reason: 'ConnectorLost' });
  const all = { planner: true, connectors: true };
  const nothing = { planner: false, connectors: false };
  const live = bot('b/u', true, 'Live');

  it.each<[string, BotSummary | undefined, BotSocket[], typeof all, string]>([
    ['is what was judged while the sockets are so', live, [socket(), socket({ index: 1 })], all, 'yes 2/2 Live'],
    ['has fewer sockets than the planner saw', live, [socket(), { ...gone, index: 1 }], all, 'yes 1/2 Live'],
    [
      'counts what lives, as Slack does, in a handover',
      live,
      [socket(), socket(), socket({ index: 1 })],
      all,
      'yes 2/2 Live',
    ],
    ['is not ready without a live socket', live, [gone], all, 'no 0/2 ConnectorLost'],
    ['is not ready when nothing runs', live, [gone, { ...gone, index: 1 }], nothing, 'no 0/2 NoConnectors'],
    ['is not ready when nothing is left of it', live, [], nothing, 'no 0/2 NoConnectors'],
    [
      'says what its process says',
      live,
      [socket({ state: 'waiting', reason: 'RateLimited' })],
      all,
      'no 0/2 RateLimited',
    ],
    ['is ready as soon as a socket lives', bot('b/u', false, 'ConnectionLost'), [socket()], all, 'yes 1/2 Live'],
    [
      'keeps a verdict that no socket proves wrong',
      bot('b/u', false, 'TokenRevoked'),
      [socket()],
      all,
      'no 1/2 TokenRevoked',
    ],
    ['keeps the reason of the planner', bot('b/u', false, 'NoEligiblePods'), [], all, 'no 0/2 NoEligiblePods'],
    [
      'keeps no reason that nobody keeps true',
      bot('b/u', false, 'PodReturning'),
      [gone],
      nothing,
      'no 0/2 NoConnectors',
    ],
    [
      'is made of its sockets where no planner has been',
      undefined,
      [socket(), { ...gone, index: 1 }],
      all,
      'yes 1/2 Live',
    ],
  ])('%s', (_what, line, sockets, around, expected) => {
    const made = botStatus(line, sockets, around);
    expect(`${made.ready ? 'yes' : 'no'} ${made.live}/${made.desired} ${made.reason}`).toBe(expected);
    expect(made.bot).toBe('b/u');
  });
});

describe('the status of a cluster', () => {
  const facts = { cluster: 'c', owner: 'o', planner: true, lastSeenMs: 1 };
  const lines = new Map([
    ['u', bot('b/u', true, 'Live')],
    ['v', bot('b/v', true, 'Live')],
    ['w', bot('b/m', false, 'X')],
  ]);
  const cluster = clusterStatus(facts, [factsOf()], lines, NOW);
  const queue = { name: 'q', length: 3, max: 3, urgent: null };
  const fleet: FleetStatus = {
    healthy: false,
    problems: ['p'],
    atMs: 61_001,
    redis: 'redis 7.0.0',
    queue,
    contract: null,
    clusters: [cluster],
  };

  it('adds up its pods, and has the bots that need somebody first', () => {
    expect(cluster.sockets.live).toBe(1);
    expect(cluster.bots).toMatchObject({ total: 3, ready: 1, byReason: { Live: 1, Placing: 1, X: 1 } });
    expect(cluster.bots.list.map(({ bot: name }) => name)).toEqual(['b/m', 'b/v', 'b/u']);
  });

  it('is shown with what a person must act on', () => {
    const text = renderFleet(fleet);
    expect(text).toContain('FULL: nothing is queued');
    expect(text).toContain('1 of 3 ready (1 Live, 1 Placing, 1 X)');
    expect(text).toContain('X: why');
    expect(text).toContain('NOT HEALTHY\n- p');
    const unplanned = renderFleet({ ...fleet, clusters: [{ ...cluster, planner: false }] });
    expect(unplanned).toContain('NO PLANNER, last 61 s ago: events flow on 1 sockets');
  });

  it('is shown with the list of urgent events, if there is one', () => {
    const urgent = { name: '{q}:urgent', length: 1 };
    expect(renderFleet(fleet)).not.toContain('urgent');
    const text = renderFleet({ ...fleet, queue: { ...queue, urgent } });
    expect(text).toContain('urgent events: queue {q}:urgent: 1 (limit 3)\n');
    const full = renderFleet({ ...fleet, queue: { ...queue, length: 0, urgent: { ...urgent, length: 3 } } });
    expect(full).toContain('{q}:urgent: 3 (limit 3)  FULL');
  });

  it('does not say that events flow when nothing runs', () => {
    const dead = clusterStatus({ ...facts, planner: false }, [factsOf({ session: undefined })], lines, NOW);
    const text = renderFleet({ ...fleet, clusters: [dead] });
    expect(text).toContain('no socket is live, no events are read');
    expect(text).not.toMatch(/events flow|2\/2/);
  });
});

describe('the status of an app', () => {
  const facts = { cluster: 'c', owner: 'o', planner: true, lastSeenMs: 1 };
  const around = { waitUntilMs: undefined, waitsFor: undefined };
  const app = { ...bot('b/app', true, 'Live'), teamID: '', appID: 'A1', teams: 2 };
  const carried = (name: string, change: Partial<BotSummary> = {}): BotSummary => ({
    ...bot(name, true, 'Live'),
    app: 'b/app',
    ...change,
  });
  const lines = new Map([
    ['u', app],
    ['one', carried('b/one')],
    ['two', carried('b/two', { desired: 0, live: 0, ready: false, reason: 'Suspended' })],
  ]);
  const [first] = factsOf().slots.values();
  const slot: Slot | undefined = first && {
    ...first,
    kind: 'app',
    appID: 'A1',
    replies: 'wait',
    delayedEvents: false,
    unknownTeams: 'deliver',
  };
  const pods = [
    factsOf({ slots: new Map([['u/0', slot]]) }),
    factsOf({
      pod: 'c-1',
      session: { ...session, pod: 'c-1', zone: 'b' },
      slots: new Map([['u/1', slot]]),
      reports: new Map([['u/1', report('live')]]),
    }),
  ];
  const cluster = clusterStatus(facts, pods, lines, NOW);
  const fleet = (of: typeof cluster): FleetStatus => ({
    healthy: true,
    problems: [],
    atMs: NOW,
    redis: 'redis 7.0.0',
    queue: { name: 'q', length: 0, max: 0, urgent: null },
    contract: null,
    clusters: [of],
  });

  it('stands in a list of its own, with its id, sockets, zones and teams', () => {
    expect(cluster.apps).toEqual({
      total: 1,
      ready: 1,
      byReason: { Live: 1 },
      list: [
        {
          ...around,
          app: 'b/app',
          appID: 'A1',
          teams: 2,
          desired: 2,
          live: 2,
          zones: ['a', 'b'],
          ready: true,
          reason: 'Live',
          message: 'why',
        },
      ],
    });
    expect(renderFleet(fleet(cluster))).toMatch(/\nAPP .*\nb\/app +A1 +yes +2\/2 +a,b +2 +Live\n/);
  });

  it('gives its sockets to the bots that it carries, but to none that is suspended', () => {
    expect(cluster.bots.list).toMatchObject([
      { bot: 'b/two', live: 0, desired: 0, zones: [], reason: 'Suspended' },
      { bot: 'b/one', app: 'b/app', live: 2, desired: 2, zones: ['a', 'b'], ready: true },
    ]);
    expect(renderFleet(fleet(cluster))).toMatch(/\nb\/one +T1 +yes +2\/2 of app +a,b +Live\n/);
  });

  it('misses a socket once, and not again for each bot', () => {
    const half = clusterStatus(facts, pods.slice(0, 1), lines, NOW);
    expect(half.bots.list.at(-1)).toMatchObject({ bot: 'b/one', live: 1, zones: ['a'] });
    expect(problemsOf({ queue: fleet(half).queue, clusters: [half] }, { cluster: undefined, known: ['c'] })).toEqual([
      expect.stringMatching(/^c: app b\/app has fewer live sockets than wanted.* of the SlackApp$/),
    ]);
  });

  it('is not ready with all its bots when no socket of it lives', () => {
    const none = clusterStatus(facts, [factsOf({ slots: new Map(), reports: new Map() })], lines, NOW);
    expect([none.apps.ready, none.bots.ready]).toEqual([0, 0]);
    const said = problemsOf({ queue: fleet(none).queue, clusters: [none] }, { cluster: undefined, known: ['c'] });
    expect(said).toMatchObject([
      expect.stringMatching(/^c: app b\/app is not ready, Placing/),
      expect.stringMatching(/^c: bot b\/one is not ready, Placing/),
    ]);
  });

  it('is known as an app from its slots, where no planner has left a line', () => {
    const { apps, bots } = clusterStatus(facts, pods, new Map(), NOW);
    expect([apps.list.map(({ appID, live }) => [appID, live]), bots.total]).toEqual([[['A1', 2]], 0]);
  });
});

describe('a fleet is healthy', () => {
  const asked = { cluster: undefined, known: ['c'] };
  const queue = { name: 'q', length: 0, max: 10, urgent: null };
  const facts = { cluster: 'c', owner: 'o', planner: true, lastSeenMs: 1 };
  const line = (change: Partial<BotSummary> = {}) =>
    new Map([['u', { ...bot('b/u', true, 'Live'), desired: 1, ...change }]]);
  const problems = (pods: readonly PodFacts[], lines = line(), change: Partial<typeof facts> = {}): string[] =>
    problemsOf({ queue, clusters: [clusterStatus({ ...facts, ...change }, pods, lines, NOW)] }, asked);
  const suspended = line({ desired: 0, live: 0, ready: false, reason: 'Suspended' });
  const unused = factsOf({ slots: new Map(), reports: new Map() });

  it('with a planner, connectors without faults and every wanted socket live or nothing wanted', () => {
    expect(problems([factsOf()])).toEqual([]);
    expect(problems([factsOf({ session: draining })])).toEqual([]);
    expect(problems([unused], suspended)).toEqual([]);
    expect(problems([unused], new Map())).toEqual([]);
  });

  it.each<[string, string[], RegExp]>([
    ['nobody plans', problems([factsOf()], line(), { planner: false }), /^c: no planner is running: start an operator/],
    ['no connector runs', problems([], new Map()), /no connector is running/],
    ['a connector is gone', problems([factsOf({ session: undefined })]), /connector c-0 is gone and has 1 slots/],
    ['a connector has left', problems([factsOf({ session: { ...draining, left: true } })]), /connector c-0 has left/],
    [
      'a connector has a fault',
      problems([factsOf({ session: { ...session, faults: ['OOM'] } })]),
      /connector c-0: OOM/,
    ],
    ['a socket is missing', problems([factsOf()], line({ desired: 2 })), /bot b\/u has fewer live sockets/],
    [
      'a socket is missing, and its connector says why',
      problems(
        [
          factsOf({
            slots: new Map([
              ['u/0', slotOf()],
              ['u/1', slotOf()],
            ]),
            reports: new Map([
              ['u/0', report('live')],
              ['u/1', { ...report('waiting'), reason: 'RateLimited', message: 'Slack says wait.' }],
            ]),
          }),
        ],
        line({ desired: 2 }),
      ),
      /bot b\/u has fewer live sockets than wanted, RateLimited: Slack says wait\./,
    ],
    ['a bot is not ready', problems([factsOf()], line({ ready: false, reason: 'TokenRevoked' })), /TokenRevoked: why/],
    [
      'the queue is full',
      problemsOf({ queue: { ...queue, length: 3, max: 3 }, clusters: [] }, asked),
      /queue q is full/,
    ],
    [
      'the list of urgent events is full',
      problemsOf({ queue: { ...queue, max: 3, urgent: { name: '{q}:urgent', length: 3 } }, clusters: [] }, asked),
      /queue \{q\}:urgent is full/,
    ],
    [
      'there is none',
      problemsOf({ queue, clusters: [] }, { cluster: undefined, known: [] }),
      /no cluster on this Redis/,
    ],
    [
      'its name is wrong',
      problemsOf({ queue, clusters: [] }, { cluster: 'typo', known: ['c'] }),
      /no such cluster on this Redis: typo; it has c/,
    ],
  ])('not when %s', (_what, said, expected) => {
    expect(said.some((problem) => expected.test(problem))).toBe(true);
  });

  it('by exit code 0, else 3', () => {
    expect([exitCodeOf({ healthy: true }), exitCodeOf({ healthy: false })]).toEqual([0, 3]);
  });
});
