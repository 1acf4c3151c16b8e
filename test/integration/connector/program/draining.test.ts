import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { waitFor } from '#test/support/wait.ts';
import { ConnectorFleet, keys } from './connector-fleet.ts';

const TEAMS = 3;
let fleet: ConnectorFleet;

beforeEach(async () => {
  fleet = await ConnectorFleet.start(TEAMS);
});
afterEach(() => fleet.stop());

const drainingSession = (pod: string) =>
  waitFor(
    async () => {
      const session = await fleet.session(pod);
      return session?.state === 'draining' ? session : undefined;
    },
    { what: 'a draining session' },
  );

describe('a connector that receives SIGTERM', () => {
  it('reports draining and keeps running, gives up slots, and exits when the planner releases it', async () => {
    const connector = fleet.connector('a', { graceMs: 60_000 });
    await fleet.assign('a', 1, fleet.slots(TEAMS, 0));
    await fleet.untilLive(TEAMS);
    const ended = connector.stop();
    const session = await drainingSession('a');
    expect(Math.abs(session.drainingSinceMs - Date.now())).toBeLessThan(10_000);
    expect(await fleet.redis.pttl(keys.session('a'))).toBeGreaterThan(80_000);
    expect(await connector.notReady()).toEqual([expect.stringContaining('draining')]);

    const { 'uid-1/0': _moved, ...rest } = fleet.slots(TEAMS, 0);
    await fleet.assign('a', 2, rest);
    await fleet.untilLive(TEAMS - 1);
    await fleet.slack.startBurst({
      events: 50,
      perSecond: 1_000,
      teams: fleet.slack
        .teams()
        .slice(1)
        .map((team) => team.teamID),
    }).finished;
    expect(await fleet.expectOnce()).toEqual({ sent: 50, lost: 0, duplicated: 0 });

    await fleet.redis.set(keys.drained('a'), 'another incarnation', 'PX', 120_000);
    await fleet.redis.set(keys.drained('a'), session.incarnation, 'PX', 120_000);
    await ended;
    expect(fleet.liveSockets()).toEqual([]);
    expect(connector.logged('drained')).toMatchObject({ end: 'released', closed: TEAMS - 1, lost: 0 });
    expect(await fleet.session('a')).toMatchObject({ state: 'draining', drainingSinceMs: session.drainingSinceMs });
    const leftMs = await fleet.redis.pttl(keys.session('a'));
    expect(leftMs).toBeGreaterThan(60_000);
    expect(leftMs).toBeLessThan(90_000);
    expect(await fleet.redis.hlen(keys.assign('a'))).toBe(TEAMS - 1);
  });

  it('exits at once without slots', async () => {
    const connector = fleet.connector('a', { graceMs: 60_000 });
    await waitFor(() => fleet.session('a'));
    const startedAtMs = performance.now();
    await connector.stop();
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    expect(connector.logged('drained')).toMatchObject({ end: 'empty' });
  });

  it('closes the remaining sockets 5 s before it would be killed', async () => {
    const connector = fleet.connector('a', { graceMs: 8_000 });
    await fleet.assign('a', 1, fleet.slots(TEAMS, 0));
    await fleet.untilLive(TEAMS);
    await connector.stop();
    expect(connector.logged('drained')).toMatchObject({ end: 'grace', closed: TEAMS });
    expect(connector.logged('drained')?.tookMs).toBeLessThan(6_500);
    expect(fleet.liveSockets()).toEqual([]);
  });

  it('queues its buffered events before it exits, even if Redis returns only then', async () => {
    const connector = fleet.connector('a', { graceMs: 20_000 });
    await fleet.assign('a', 1, fleet.slots(TEAMS, 0));
    await fleet.untilLive(TEAMS);
    await fleet.server.kill();
    await fleet.slack.startBurst({ events: 200, perSecond: 1_000 }).finished;
    const ended = connector.stop();
    await waitFor(() => connector.logged('draining'));
    await fleet.server.restart();
    await waitFor(() => fleet.redis.status === 'ready');
    expect(await fleet.expectOnce()).toEqual({ sent: 200, lost: 0, duplicated: 0 });
    await fleet.redis.set(keys.drained('a'), (await drainingSession('a')).incarnation);
    await ended;
  });

  it('is continued under its name by the next process', async () => {
    const first = fleet.connector('a');
    await fleet.assign('a', 1, fleet.slots(TEAMS, 0));
    await fleet.untilLive(TEAMS);
    await first.stop();
    fleet.connector('a');
    await fleet.untilLive(TEAMS);
    expect(await fleet.session('a')).toMatchObject({ state: 'up', drainingSinceMs: 0 });
  });
});
