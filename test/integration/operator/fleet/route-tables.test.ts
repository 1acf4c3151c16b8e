import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fenceField } from '#core/protocol/keys.ts';
import { decodeRoute, ROUTE_VERSION_FIELD } from '#core/protocol/route.ts';
import type { RoutedBot } from '#operator/fleet/desired.ts';
import type { PlannerOptions } from '#operator/fleet/planner-options.ts';
import { RouteWriter } from '#operator/fleet/route-writer.ts';
import { LockLostError } from '#operator/fleet/writer.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { CLUSTER, FakeConnector, keys, queue, startPlanner, type TestPlanner, Wanted } from './planner-fleet.ts';

const server = useRedis({ emptied: true });
const redis = server.useClient();
const subscriber = server.useClient({ role: 'subscriber' });
const APP = 'app-uid';
let wanted: Wanted;
let connectors: FakeConnector[];
const planners: TestPlanner[] = [];

beforeEach(() => {
  wanted = new Wanted();
  connectors = [];
});
afterEach(async () => {
  await Promise.all(planners.map((planner) => planner.stop()));
  await Promise.all(connectors.map((connector) => connector.stop()));
  planners.length = 0;
});

const plan = async (options: Partial<PlannerOptions> = {}): Promise<TestPlanner> => {
  const planner = await startPlanner(server, wanted, options);
  planners.push(planner);
  return planner;
};
const addApp = (): void => {
  wanted.add(APP);
  const bot = wanted.bots.get(APP);
  if (bot === undefined) return;
  const { teamID: _teamID, ...set } = bot.set as typeof bot.set & { kind: 'rtm' };
  const app = { kind: 'app', appID: 'A1', replies: 'wait', delayedEvents: false, unknownTeams: 'drop' } as const;
  wanted.bots = new Map(wanted.bots).set(APP, { ...bot, set: { ...set, ...app } });
};
const routed = (uid: string, more: Partial<RoutedBot['route']> = {}): RoutedBot => ({
  appUid: APP,
  teamID: `T${uid.toUpperCase()}`,
  route: {
    ownerUid: uid,
    bot: `bots/${uid}`,
    generation: 1,
    queueNamespace: '',
    events: { include: [], exclude: [], own: false },
    replies: 'wait',
    suspended: false,
    ...more,
  },
});
const route = (uid: string, more: Partial<RoutedBot['route']> = {}): void => {
  wanted.routed = new Map(wanted.routed).set(uid, routed(uid, more));
};
const unroute = (uid: string): void => {
  wanted.routed = new Map([...wanted.routed].filter(([other]) => other !== uid));
};
/** "TA a", "TB b suspended". */
const rows = async (): Promise<string[]> => {
  const { [ROUTE_VERSION_FIELD]: _version, ...teams } = await redis.hgetall(keys.route(APP));
  return Object.entries(teams)
    .map(([team, json]) => [team, decodeRoute(json)] as const)
    .map(([team, found]) => `${team} ${found?.ownerUid}${found?.suspended === true ? ' suspended' : ''}`)
    .sort();
};
const version = async (): Promise<string | undefined> => (await redis.hgetall(keys.route(APP)))[ROUTE_VERSION_FIELD];
const untilRows = (...expected: string[]): Promise<unknown> =>
  waitFor(async () => JSON.stringify(await rows()) === JSON.stringify(expected), { what: `rows ${expected}` });

describe('the route table of an app in Redis', () => {
  it('follows its bots, and what it does not follow is not written', async () => {
    addApp();
    route('a');
    const { planner } = await plan();
    await untilRows('TA a');
    const first = await version();
    route('b');
    planner.nudge();
    await untilRows('TA a', 'TB b');
    const second = await version();
    expect(second).not.toBe(first);
    unroute('a');
    planner.nudge();
    await untilRows('TB b');
    expect(await redis.hgetall(keys.routes)).toEqual({ [APP]: `${await version()} bots/${APP}` });
    await waitFor(() => planner.view().routed?.has('b') === true && planner.view().routed?.has('a') === false, {
      what: 'a view with the rows of the table',
    });
  });

  it('exists without any bot', async () => {
    addApp();
    await plan();
    await waitFor(version, { what: 'an empty table with a version' });
    expect(await rows()).toEqual([]);
  });

  it('nudges the pods that have a socket of the app', async () => {
    addApp();
    const pods = ['p1', 'p2'].map((name) => new FakeConnector(redis, name));
    connectors.push(...pods);
    const heard: string[] = [];
    const { planner } = await plan();
    await waitFor(() => planner.view().bots.get(APP)?.slots.length === 2, { what: 'two slots' });
    for (const pod of ['p1', 'p2', 'p3']) await subscriber.subscribe(keys.nudge(pod));
    const end = subscriber.onMessage((channel, message) => heard.push(`${channel} ${message}`));
    route('a');
    planner.nudge();
    await waitFor(() => heard.length >= 2, { what: 'two nudges' });
    expect(heard.sort()).toEqual([`${keys.nudge('p1')} routes`, `${keys.nudge('p2')} routes`]);
    end();
  });

  it('has a suspended bot as suspended once its fence stands, and as running once the fence is gone', async () => {
    addApp();
    route('a');
    const { planner } = await plan();
    await untilRows('TA a');
    route('a', { generation: 2, suspended: true });
    wanted.stopped = new Map([['a', { why: 'suspended', generation: 2 }]]);
    planner.nudge();
    await untilRows('TA a suspended');
    const fence = async () => (await redis.hgetall(queue.fence))[fenceField(CLUSTER, 'a')];
    expect(await fence()).toBe('2');
    route('a', { generation: 3 });
    wanted.stopped = new Map();
    planner.nudge();
    await untilRows('TA a');
    expect(await fence()).toBeUndefined();
  });

  it('is written by nobody for a bot whose fence is of a later generation than our copy', async () => {
    await redis.hset(queue.fence, { [fenceField(CLUSTER, 'a')]: 7 });
    addApp();
    route('a', { generation: 7 });
    await plan();
    await untilRows('TA a suspended');
  });

  it('is written again by nobody when another planner takes over', async () => {
    addApp();
    route('a');
    const first = await plan();
    await untilRows('TA a');
    await redis.hset(keys.route(APP), { untouched: 'x' });
    const before = await redis.hgetall(keys.route(APP));
    wanted.kept = new Set(['whoever']);
    wanted.unlisted = new Set(['elsewhere']);
    await first.stop();
    planners.length = 0;
    const second = await plan();
    await waitFor(() => second.planner.leads() && second.planner.view().routed?.has('a'), {
      what: 'the second planner',
    });
    expect(await redis.hgetall(keys.route(APP))).toEqual(before);
  });

  it('is written back when Redis has lost everything', async () => {
    addApp();
    route('a');
    route('b');
    const { planner } = await plan();
    await untilRows('TA a', 'TB b');
    const before = await version();
    // Nothing is known of b any more, but that it is there.
    unroute('b');
    wanted.kept = new Set(['b']);
    await redis.call('FLUSHALL');
    planner.nudge();
    await untilRows('TA a', 'TB b');
    expect(await version()).toBe(before);
  });

  it('is written back when somebody has deleted or changed it', async () => {
    addApp();
    route('a');
    const { planner, clock } = await plan({ times: { wholeRoundMs: 100 } });
    await untilRows('TA a');
    await redis.call('DEL', keys.route(APP));
    clock.advance(31_000);
    planner.nudge();
    await untilRows('TA a');
    await redis.hset(keys.route(APP), { TX: JSON.stringify(routed('x').route) });
    clock.advance(31_000);
    planner.nudge();
    await untilRows('TA a');
  });

  it('is written back when its key holds something else, which holds up no other part of a plan', async () => {
    addApp();
    route('a');
    const { planner, clock } = await plan({ times: { wholeRoundMs: 100 } });
    await untilRows('TA a');
    await redis.set(keys.route(APP), 'rubbish');
    clock.advance(31_000);
    planner.nudge();
    await waitFor(async () => (await redis.call('TYPE', keys.route(APP))) === 'hash', { what: 'a hash again' });
    expect(await rows()).toEqual(['TA a']);
  });

  it('goes with its app, and not before the list is complete', async () => {
    addApp();
    route('a');
    const first = await plan();
    await untilRows('TA a');
    wanted.remove(APP);
    wanted.synced = false;
    first.planner.nudge();
    route('b');
    await waitFor(() => first.planner.view().settled, { what: 'a settled fleet' });
    expect(await redis.exists(keys.route(APP))).toBe(1);
    wanted.synced = true;
    first.planner.nudge();
    await waitFor(async () => (await redis.exists(keys.route(APP))) === 0, { what: 'no table' });
    expect(await redis.hgetall(keys.routes)).toEqual({});
  });

  it('is built beside the old one when it is long, so that no reader sees a part of it', async () => {
    const lock = 'value';
    await redis.set(keys.planner, lock);
    const writer = new RouteWriter(redis, keys);
    const long = new Map(Array.from({ length: 1_234 }, (_, n) => [`T${n}`, `{"n":${n}}`] as const));
    const write = { appUid: APP, app: 'bots/shop', version: 'v1', set: long, remove: [], rows: long };
    let calls = 0;
    const seen: number[] = [];
    const held = (): string => {
      calls += 1;
      return lock;
    };
    await redis.hset(keys.route(APP), { old: 'row', [ROUTE_VERSION_FIELD]: 'v0' });
    const watching = (async () => {
      while (seen.at(-1) !== 1_235) seen.push(await redis.hlen(keys.route(APP)));
    })();
    expect(await writer.write(held, write, '', [])).toBe(true);
    await watching;
    expect(calls).toBe(4);
    expect([...new Set(seen)].sort()).toEqual([1_235, 2].sort());
    expect(await version()).toBe('v1');
    expect(await redis.exists(keys.route(`${APP}:next`))).toBe(0);
  });

  it('is left alone without the lock, and when it has another version than expected', async () => {
    await redis.set(keys.planner, 'another planner');
    const writer = new RouteWriter(redis, keys);
    const set = new Map([['TA', '{}']]);
    const write = { appUid: APP, app: 'bots/shop', version: 'v2', set, remove: [], rows: set };
    await expect(writer.write(() => 'ours', write, 'v1', [])).rejects.toBeInstanceOf(LockLostError);
    await expect(writer.drop(() => 'ours', APP, [])).rejects.toBeInstanceOf(LockLostError);
    await redis.set(keys.planner, 'ours');
    await redis.hset(keys.route(APP), { [ROUTE_VERSION_FIELD]: 'v9' });
    expect(await writer.write(() => 'ours', write, 'v1', [])).toBe(false);
    expect(await redis.hgetall(keys.route(APP))).toEqual({ [ROUTE_VERSION_FIELD]: 'v9' });
    expect(await redis.exists(keys.routes)).toBe(0);
  });
});
