import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONTRACT_KEY } from '#core/protocol/keys.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { waitFor } from '#test/support/wait.ts';
import { ConnectorFleet, keys } from './connector-fleet.ts';

const TEAMS = 4;
let fleet: ConnectorFleet;

beforeEach(async () => {
  fleet = await ConnectorFleet.start(TEAMS);
});
afterEach(() => fleet.stop());

const burst = (events: number, perSecond: number) =>
  fleet.slack.startBurst({ events, perSecond, kinds: ['message', 'edited', 'reaction_added', 'bot_message'] });

describe('two connectors', () => {
  it('open the sockets assigned to them, report them, and queue each event once', async () => {
    const connectors = [fleet.connector('a'), fleet.connector('b')];
    await fleet.assign('a', 1, fleet.slots(TEAMS, 0));
    await fleet.assign('b', 1, fleet.slots(TEAMS, 1));
    await fleet.untilLive(2 * TEAMS);

    const session = await fleet.untilReported('a', 1, TEAMS);
    expect(session).toMatchObject({ pod: 'a', zone: 'zone-a', state: 'up', version: 1, faults: [], pid: process.pid });
    expect(session?.keyIDs).toHaveLength(1);
    expect(session?.reportVersion).toBeGreaterThan(0);
    expect((await fleet.reports('a'))['uid-1/0']).toMatchObject({
      epoch: 1,
      incarnation: session?.incarnation,
      state: 'live',
      reason: '',
      teamName: generatedTeam(1).name,
      botUserID: generatedTeam(1).botUserID,
    });

    await burst(400, 1_000).finished;
    expect(await fleet.expectOnce()).toEqual({ sent: 400, lost: 0, duplicated: 0 });
    for (const connector of connectors) expect(await connector.notReady()).toEqual([]);
    const metrics = await Promise.all(connectors.map((connector) => connector.get('/metrics')));
    expect(metrics[0]).toContain(`relax_sockets{state="live"} ${TEAMS}`);
    const counted = (outcome: string): number =>
      metrics.reduce(
        (sum, text) => sum + Number(new RegExp(`outcome="${outcome}",reason=""\\} (\\d+)`).exec(text)?.[1]),
        0,
      );
    expect({ queued: counted('queued'), duplicate: counted('duplicate') }).toEqual({ queued: 400, duplicate: 400 });
  });

  it('reveal no token in Redis, logs, metrics or readiness reasons', async () => {
    const connector = fleet.connector('a');
    await fleet.assign('a', 1, fleet.slots(TEAMS, 0));
    await fleet.untilLive(TEAMS);
    fleet.slack.revokeToken(generatedTeam(1).token);
    await waitFor(async () => (await fleet.reports('a'))['uid-1/0']?.state === 'failed');
    const dump: string[] = [
      JSON.stringify(connector.lines),
      await connector.get('/metrics'),
      await connector.get('/readyz'),
    ];
    for (const key of await fleet.redis.keys('*')) {
      const type = await fleet.redis.type(key);
      if (type === 'string') dump.push((await fleet.redis.get(key)) ?? '');
      if (type === 'hash') dump.push(JSON.stringify(await fleet.redis.hgetall(key)));
      if (type === 'list') dump.push((await fleet.redis.lrange(key, 0, -1)).join());
      dump.push(key);
    }
    for (let n = 1; n <= TEAMS; n++) expect(dump.join('\n')).not.toContain(generatedTeam(n).token);
    expect(dump.join('\n')).not.toMatch(/wss?:\/\//);
  });
});

describe('a connector whose Redis forgets', () => {
  it('keeps its sockets through FLUSHALL, and restores session, reports and contract', async () => {
    fleet.connector('a');
    await fleet.assign('a', 7, fleet.slots(TEAMS, 0));
    await fleet.untilLive(TEAMS);
    const before = await fleet.untilReported('a', 7, TEAMS);
    const sockets = fleet.liveSockets();

    await fleet.redis.flushall();
    const after = await fleet.untilReported('a', 7, TEAMS);
    expect(after).toMatchObject({ incarnation: before.incarnation, state: 'up' });
    await waitFor(async () => (await fleet.redis.hget(CONTRACT_KEY, 'shards')) === '1');
    await burst(100, 1_000).finished;
    expect(await fleet.expectOnce()).toEqual({ sent: 100, lost: 0, duplicated: 0 });
    expect(fleet.liveSockets()).toEqual(sockets);
  });

  it('closes nothing for a missing, unreadable or lower version; a higher one that lacks a slot closes it', async () => {
    const connector = fleet.connector('a');
    await fleet.assign('a', 7, fleet.slots(TEAMS, 0));
    await fleet.untilLive(TEAMS);
    const sockets = fleet.liveSockets();
    const looksAgain = async (): Promise<void> => {
      // A renewal that was sent after the change tells the version, and a nudge makes the connector look as well.
      await fleet.redis.publish(keys.nudge('a'), '999');
      const seen = await fleet.redis.zscore(keys.pods, 'a');
      await waitFor(async () => (await fleet.redis.zscore(keys.pods, 'a')) !== seen);
    };

    await fleet.assign('a', 3, {});
    await looksAgain();
    await fleet.redis.set(keys.version('a'), 'nonsense');
    await looksAgain();
    await fleet.redis.del(keys.version('a'), keys.assign('a'));
    await looksAgain();
    expect(fleet.liveSockets()).toEqual(sockets);

    const { 'uid-2/0': _gone, ...rest } = fleet.slots(TEAMS, 0);
    await fleet.assign('a', 8, rest);
    await fleet.untilLive(TEAMS - 1);
    expect(fleet.liveSockets(2)).toEqual([]);
    await waitFor(async () => (await fleet.reports('a'))['uid-2/0'] === undefined, { what: 'its report is gone' });
    expect(await fleet.session('a')).toMatchObject({ version: 8 });
    expect(connector.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('loses nothing when Redis restarts in the middle of a burst', async () => {
    fleet.connector('a');
    fleet.connector('b');
    await fleet.assign('a', 1, fleet.slots(TEAMS, 0));
    await fleet.assign('b', 1, fleet.slots(TEAMS, 1));
    await fleet.untilLive(2 * TEAMS);
    const running = burst(3_000, 1_000);
    for (const at of [800, 1_600]) {
      await waitFor(() => running.state().emitted > at);
      await fleet.server.restart();
    }
    await running.finished;
    await waitFor(() => fleet.redis.status === 'ready');
    // With appendfsync everysec a crash may lose what was queued in its last second; SIGKILL alone does not.
    expect(await fleet.expectOnce()).toEqual({ sent: 3_000, lost: 0, duplicated: 0 });
  });
});

describe('a connector that starts', () => {
  it('adopts the slots under its name without the planner', async () => {
    const first = fleet.program('a');
    await fleet.assign('a', 5, fleet.slots(TEAMS, 0));
    await fleet.untilLive(TEAMS);
    const before = await fleet.untilReported('a', 5, TEAMS);
    await first.kill();
    await waitFor(() => fleet.liveSockets().length === 0);

    fleet.program('a');
    await fleet.untilLive(TEAMS, 20_000);
    const after = await fleet.untilReported('a', 5, TEAMS);
    expect(after.incarnation).not.toBe(before.incarnation);
  });

  it('is ready only when the sockets it had before are live', async () => {
    await fleet.assign('a', 1, fleet.slots(TEAMS, 0));
    const fault = fleet.slack.setFault({ at: 'hello', answer: { kind: 'never' }, teamID: generatedTeam(2).teamID });
    const connector = fleet.connector('a');
    await fleet.untilLive(TEAMS - 1);
    await waitFor(async () => (await connector.notReady()).some((reason) => reason.includes('not live yet: 1 to go')));
    fleet.slack.clearFault(fault);
    await waitFor(async () => (await connector.notReady()).length === 0, { timeoutMs: 30_000 });
    expect(fleet.liveSockets()).toHaveLength(TEAMS);
  });

  it('waits for an unavailable Redis, alive but not ready', async () => {
    await fleet.server.kill();
    const connector = fleet.connector('a');
    expect(await connector.notReady()).toEqual([expect.stringContaining('RELAX_REDIS_URL')]);
    expect(await connector.get('/healthz')).toContain('"alive":true');
    await waitFor(() => connector.logged('waiting for Redis (RELAX_REDIS_URL)')?.error !== undefined);
    await fleet.server.restart();
    await waitFor(() => connector.logged('connected to Redis'));
    await waitFor(async () => (await connector.notReady()).length === 0);
  });

  it('exits and names both remedies when the fleet has agreed on another contract', async () => {
    await fleet.redis.hset(CONTRACT_KEY, { bucketMs: 60_000, subBuckets: 128, windowMs: 3_600_000, shards: 1 });
    await expect(fleet.connector('a').ended).rejects.toThrow(/RELAX_DEDUPE_SUBBUCKETS is 64 here but 128 in Redis/);
  });

  it('stops on request while it waits for Redis', async () => {
    await fleet.server.kill();
    const connector = fleet.connector('a');
    await connector.get('/healthz');
    await connector.stop();
  });
});
