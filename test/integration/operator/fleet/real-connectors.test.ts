import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseFleetKeys } from '#core/protocol/seal.ts';
import { CLUSTER, ConnectorFleet, keys } from '#test/integration/connector/program/connector-fleet.ts';
import { waitFor } from '#test/support/wait.ts';
import { startPlanner, type TestPlanner, Wanted } from './planner-fleet.ts';

const TEAMS = 10;
let fleet: ConnectorFleet;
let wanted: Wanted;
let planner: TestPlanner;

beforeEach(async () => {
  fleet = await ConnectorFleet.start(TEAMS);
  wanted = new Wanted();
  for (let n = 1; n <= TEAMS; n++) wanted.addGenerated(n);
  const fleetKeys = parseFleetKeys(readFileSync(fleet.keyFile, 'utf8'));
  planner = await startPlanner(fleet.server, wanted, {
    keys,
    cluster: CLUSTER,
    fleetKeys: () => fleetKeys,
    // A session is renewed every 5 s, so a shorter time could miss one.
    times: { settleMs: 7_000, roundMs: 1_000, coalesceMs: 250 },
  });
});
afterEach(async () => {
  await planner.stop();
  await fleet.stop();
});

const states = (): (string | undefined)[] =>
  [...planner.planner.view().bots.values()].flatMap(({ slots }) => slots.map(({ state }) => state));
const allLive = (timeoutMs = 20_000): Promise<unknown> =>
  waitFor(() => states().length === 2 * TEAMS && states().every((state) => state === 'live'), {
    timeoutMs,
    what: 'every socket live in the view',
  });
const settled = (): Promise<unknown> =>
  waitFor(() => planner.planner.view().settled, { timeoutMs: 15_000, what: 'a settled fleet' });
const onceAfter = async (during: () => Promise<unknown>): Promise<void> => {
  fleet.slack.forgetEvents();
  const teams = fleet.slack.teams().map(({ teamID }) => teamID);
  const burst = fleet.slack.startBurst({ events: 500, perSecond: 100, teams });
  await during();
  await burst.finished;
  expect(await fleet.expectOnce()).toEqual({ sent: 500, lost: 0, duplicated: 0 });
};

describe('A planner and real connectors', () => {
  it('get every team two sockets on two pods, and deliver each event once while a pod restarts under its name', async () => {
    const [a] = [fleet.connector('a'), fleet.connector('b')];
    await allLive();
    expect(fleet.liveSockets().length).toBe(2 * TEAMS);
    await settled();
    const assigned = await fleet.redis.hkeys(keys.assign('a'));
    const views = planner.views.length;
    await onceAfter(async () => {
      await a?.stop();
      fleet.connector('a');
      await fleet.untilLive(2 * TEAMS);
    });
    await allLive();
    expect((await fleet.redis.hkeys(keys.assign('a'))).sort()).toEqual(assigned.sort());
    const told = planner.views
      .slice(views)
      .flatMap(({ view }) => [...view.bots.values()].flatMap(({ slots }) => slots));
    expect(told.filter(({ state }) => state !== 'live')).toEqual([]);
  });

  it('close no socket when Redis is emptied under load, and write everything again', async () => {
    fleet.connector('a');
    fleet.connector('b');
    await allLive();
    await settled();
    const sockets = fleet.liveSockets();
    const versions = await fleet.redis.mget(keys.version('a'), keys.version('b'));
    const teams = fleet.slack.teams().map(({ teamID }) => teamID);
    const burst = fleet.slack.startBurst({ events: 2_000, perSecond: 1_000, teams });
    await fleet.redis.flushall();
    await burst.finished;
    await waitFor(async () => (await fleet.redis.exists(keys.version('a'), keys.version('b'))) === 2, {
      timeoutMs: 25_000,
      what: 'assignments written again',
    });
    const after = await fleet.redis.mget(keys.version('a'), keys.version('b'));
    expect(after.every((version, n) => Number(version) > Number(versions[n]))).toBe(true);
    await waitFor(async () => (await fleet.session('a'))?.version === Number(after[0]), { timeoutMs: 15_000 });
    expect(fleet.liveSockets()).toEqual(sockets);
    await fleet.redis.del('relax:events');
    await onceAfter(async () => {});
    await allLive();
  });

  it('give the teams of a killed pod to another within 30 s, without losing an event', async () => {
    const victim = fleet.program('a');
    fleet.connector('b');
    fleet.connector('c');
    await allLive(40_000);
    await settled();
    fleet.slack.forgetEvents();
    await fleet.redis.del('relax:events');
    await onceAfter(async () => {
      await victim.kill();
      await waitFor(async () => (await fleet.redis.hlen(keys.assign('a'))) === 0, { timeoutMs: 30_000, what: 'moved' });
    });
    await allLive(40_000);
    expect(planner.planner.view().pods.map(({ pod }) => pod)).toEqual(['b', 'c']);
  });
});
