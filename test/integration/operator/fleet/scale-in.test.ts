import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConnectorSet } from '#core/protocol/connector-set.ts';
import { connectBudgetKey } from '#core/protocol/keys.ts';
import { parseFleetKeys } from '#core/protocol/seal.ts';
import { tokenDigest } from '#core/protocol/token.ts';
import { redisTimeMs } from '#core/redis/redis-clock.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { CLUSTER, ConnectorFleet, keys } from '#test/integration/connector/program/connector-fleet.ts';
import type { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { waitFor } from '#test/support/wait.ts';
import { startPlanner, type TestPlanner, Wanted } from './planner-fleet.ts';

/** Three connector processes in two zones, of a set whose size is published, and the sockets as Slack counts them. */
const TEAMS = 30;
let fleet: ConnectorFleet;
let planner: TestPlanner;
let set: ConnectorSet | undefined;
let programs: RelaxProgram[];

const ZONES = ['a', 'a', 'b'];
const start = (n: number): RelaxProgram =>
  fleet.program(`connector-${n}`, { RELAX_ZONE: ZONES[n] ?? '', RELAX_GRACE_SECONDS: '60' });
const sized = (replicas: number): ConnectorSet => ({ kind: 'sized', name: 'connector', first: 0, replicas });
const publish = (next: ConnectorSet): void => {
  set = next;
  planner.planner.nudge();
};

beforeEach(async () => {
  fleet = await ConnectorFleet.start(TEAMS);
  const wanted = new Wanted();
  for (let n = 1; n <= TEAMS; n++) wanted.addGenerated(n);
  const fleetKeys = parseFleetKeys(readFileSync(fleet.keyFile, 'utf8'));
  set = sized(3);
  planner = await startPlanner(fleet.server, wanted, {
    keys,
    cluster: CLUSTER,
    fleetKeys: () => fleetKeys,
    connectorSet: () => set,
    times: { settleMs: 7_000, roundMs: 1_000, coalesceMs: 250 },
  });
  programs = [0, 1, 2].map(start);
  await fleet.untilLive(2 * TEAMS, 60_000);
  await waitFor(() => planner.planner.view().settled, { timeoutMs: 30_000, what: 'a settled fleet' });
}, 120_000);
afterEach(async () => {
  await planner.stop();
  await fleet.stop();
});

const socketsOf = (n: number): number => fleet.liveSockets(n).length;
const least = (): number => Math.min(...Array.from({ length: TEAMS }, (_, n) => socketsOf(n + 1)));
const held = async (n: number): Promise<string[]> => fleet.redis.hkeys(keys.assign(`connector-${n}`));
/** Least sockets of any team, looked at until `done`, and how long that took. */
async function watched(done: () => boolean | Promise<boolean>): Promise<{ least: number; tookMs: number }> {
  const startedMs = performance.now();
  let fewest = Number.POSITIVE_INFINITY;
  await waitFor(
    async () => {
      fewest = Math.min(fewest, least());
      return done();
    },
    { timeoutMs: 100_000, everyMs: 20, what: 'the end of it' },
  );
  return { least: fewest, tookMs: Math.round(performance.now() - startedMs) };
}

describe('A set of connectors that is made smaller', () => {
  it('moves the slots of its last pod before that closes a socket, so that no team ever lacks its second', async () => {
    expect((await held(2)).length).toBeGreaterThan(0);
    publish(sized(2));
    programs[2]?.signal('SIGTERM');
    const { least: fewest, tookMs } = await watched(() => programs[2]?.running === false);
    console.log(`3 -> 2: the pod ended after ${tookMs} ms, ${fewest} sockets of a team at least`);
    expect(fewest).toBe(2);
    expect(programs[2]?.lines.find(({ msg }) => msg === 'drained')).toMatchObject({ lost: 0 });
    await fleet.untilLive(2 * TEAMS);
    expect(least()).toBe(2);
    expect(await held(2)).toEqual([]);
    expect([(await held(0)).length, (await held(1)).length]).toEqual([TEAMS, TEAMS]);
  }, 120_000);

  it('does not wait for the lease of a pod that was killed and will not return', async () => {
    const homeless = (await held(2)).length;
    await programs[2]?.kill();
    expect(fleet.liveSockets()).toHaveLength(2 * TEAMS - homeless);
    publish(sized(2));
    const { tookMs } = await watched(() => least() === 2);
    console.log(`killed and not to return: every team had two sockets again after ${tookMs} ms`);
    expect(tookMs).toBeLessThan(12_000);
  }, 120_000);
});

describe('A set of sockets that lost its spread to a pod that was stopped', () => {
  it('is spread again when that is back, with one connect left in the budget', async () => {
    await programs[2]?.kill();
    await waitFor(async () => least() === 2 && (await held(2)).length === 0, {
      timeoutMs: 90_000,
      what: 'two sockets a team, in one zone',
    });
    const nowMs = await redisTimeMs(fleet.redis);
    for (let n = 1; n <= TEAMS; n++) {
      const { teamID, token } = generatedTeam(n);
      await fleet.redis.hset(connectBudgetKey(teamID, tokenDigest(token)), { calls: 1, atMs: nowMs, urgentMs: 0 });
    }
    start(2);
    // The old entry of a slot goes when its new socket is live.
    const { least: fewest, tookMs } = await watched(async () => {
      const [a, b, back] = await Promise.all([0, 1, 2].map(async (n) => (await held(n)).length));
      return back === TEAMS && (a ?? 0) + (b ?? 0) === TEAMS && fleet.liveSockets().length === 2 * TEAMS;
    });
    console.log(`spread again after ${tookMs} ms`);
    expect(fewest).toBe(2);
    expect(tookMs).toBeLessThan(45_000);
  }, 240_000);
});
