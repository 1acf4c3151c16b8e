import { appendFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newFleetKey, parseFleetKeys, seal } from '#core/protocol/seal.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { waitFor } from '#test/support/wait.ts';
import { CLUSTER, ConnectorFleet, QUEUE } from './connector-fleet.ts';

const TEAMS = 3;
let fleet: ConnectorFleet;

beforeEach(async () => {
  fleet = await ConnectorFleet.start(TEAMS);
});
afterEach(() => fleet.stop());

describe('a connector under faults', () => {
  it('stops reading when its buffer is nearly full, says so, and loses nothing', async () => {
    const connector = fleet.connector('a', { buffer: { bytes: 100_000, ageMs: 60_000 } });
    await fleet.assign('a', 1, fleet.slots(TEAMS, 0));
    await fleet.untilReported('a', 1, TEAMS);
    await fleet.server.kill();
    await fleet.slack.startBurst({ events: 1_500, perSecond: 3_000 }).finished;
    await waitFor(async () =>
      (await connector.notReady()).some((reason) => reason.includes('reading from sockets is paused')),
    );
    expect(await connector.get('/metrics')).toContain(`relax_sockets{state="paused"} ${TEAMS}`);
    expect(await connector.get('/healthz')).toContain('"alive":true');

    await fleet.server.restart();
    await waitFor(() => fleet.redis.status === 'ready');
    expect(await fleet.expectOnce()).toEqual({ sent: 1_500, lost: 0, duplicated: 0 });
    await waitFor(async () => (await connector.notReady()).length === 0);
    expect(await connector.get('/metrics')).toMatch(/relax_events_total\{outcome="failed",reason="buffer_full"\} 0/);
  });

  it('keeps reading quiet teams while one that floods waits for a slow Redis, and loses nothing', async () => {
    const connector = fleet.connector('a', { buffer: { bytes: 400_000, ageMs: 60_000 } });
    await fleet.assign('a', 1, fleet.slots(TEAMS, 0));
    await fleet.untilReported('a', 1, TEAMS);
    process.kill(fleet.server.pid, 'SIGSTOP');
    for (let n = 0; n < 1_500; n++) fleet.slack.emitMessage(generatedTeam(1).teamID);
    await waitFor(async () =>
      (await connector.notReady()).some((reason) => reason.includes('paused for the busiest bots')),
    );
    const paused = async (): Promise<string | undefined> =>
      /relax_sockets\{state="paused"\} (\d+)/.exec(await connector.get('/metrics'))?.[1];
    expect(await paused()).toBe('1');
    const read = async (): Promise<number> =>
      Number(/relax_frames_total\{kind="event"\} (\d+)/.exec(await connector.get('/metrics'))?.[1]);
    const before = await read();
    for (let n = 0; n < 10; n++) fleet.slack.emitMessage(generatedTeam(2).teamID);
    await waitFor(async () => (await read()) === before + 10, { what: 'the quiet team is read' });

    process.kill(fleet.server.pid, 'SIGCONT');
    expect(await fleet.expectOnce()).toEqual({ sent: 1_510, lost: 0, duplicated: 0 });
    await waitFor(async () => (await connector.notReady()).length === 0);
    expect(await paused()).toBe('0');
  });

  it('two connectors hold events back while marks cannot be written, and name the missing permission', async () => {
    const acl = (...rules: string[]): Promise<unknown> => fleet.redis.call('ACL', 'SETUSER', 'app', ...rules);
    await acl('on', '>pw', '~*', '&*', '+@all');
    const redis = {
      url: fleet.server.url.replace('//', '//app:pw@'),
      username: undefined,
      passwordFile: undefined,
      caFile: undefined,
    };
    const connectors = ['a', 'b'].map((pod) => fleet.connector(pod, { redis }));
    for (const [index, pod] of ['a', 'b'].entries()) {
      await fleet.assign(pod, 1, fleet.slots(TEAMS, index));
      await fleet.untilReported(pod, 1, TEAMS);
    }
    const bursting = fleet.slack.startBurst({ events: 2_000, perSecond: 2_000 }).finished;
    await waitFor(async () => (await fleet.redis.llen(QUEUE)) > 200);
    await acl('-hset');
    await bursting;
    for (const connector of connectors) {
      const words = 'Redis ACL refuses a command: hset. Grant it: ACL SETUSER app +hset';
      await waitFor(async () => (await connector.notReady()).includes(words), { what: words });
    }
    await acl('+hset');
    expect(await fleet.expectOnce()).toEqual({ sent: 2_000, lost: 0, duplicated: 0 });
    for (const connector of connectors) await waitFor(async () => (await connector.notReady()).length === 0);
  });

  it('is not ready on a Redis that begins to evict, tells the planner, and does not start on one that does', async () => {
    const connector = fleet.connector('a');
    await waitFor(async () => (await connector.notReady()).length === 0);
    await fleet.redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const words = expect.stringContaining('RELAX_ALLOW_EVICTION=allkeys-lru');
    await waitFor(async () => (await connector.notReady()).length === 1, { timeoutMs: 20_000, everyMs: 250 });
    expect(await connector.notReady()).toEqual([words]);
    await waitFor(async () => (await fleet.session('a'))?.faults.length === 1);
    await expect(fleet.connector('b').ended).rejects.toThrow('noeviction');
    const allowing = fleet.connector('c', { allowEviction: 'allkeys-lru' });
    await waitFor(async () => (await allowing.notReady()).length === 0);
    await fleet.redis.config('SET', 'maxmemory-policy', 'noeviction');
    await waitFor(async () => (await connector.notReady()).length === 0, { timeoutMs: 20_000, everyMs: 250 });
  });

  it('tells the planner when the queue accepts nothing, and continues when it does again', async () => {
    const connector = fleet.connector('a');
    await fleet.assign('a', 1, fleet.slots(TEAMS, 0));
    await fleet.untilReported('a', 1, TEAMS);
    await fleet.redis.set(QUEUE, 'not a list');
    fleet.slack.emitMessage(generatedTeam(1).teamID);
    const words = expect.stringContaining('RELAX_QUEUE');
    await waitFor(async () => (await fleet.session('a'))?.faults.length === 1, { what: 'the fault is in the session' });
    expect((await fleet.session('a'))?.faults).toEqual([words]);
    expect(await connector.notReady()).toEqual([words]);

    await fleet.redis.del(QUEUE);
    expect(await fleet.expectOnce()).toEqual({ sent: 1, lost: 0, duplicated: 0 });
    await waitFor(async () => (await fleet.session('a'))?.faults.length === 0);
    expect(await connector.notReady()).toEqual([]);
  });

  it('opens a token that was sealed with an unknown key once the key is in its file', async () => {
    fleet.connector('a');
    const [newText, { teamID, token }] = [newFleetKey(), generatedTeam(1)];
    const [key] = parseFleetKeys(newText);
    if (key === undefined) throw new Error('no key');
    const sealed = seal(token, key, { cluster: CLUSTER, ownerUid: 'uid-1', teamID });
    await fleet.assign('a', 1, { ...fleet.slots(TEAMS, 0), 'uid-1/0': fleet.slot(1, { token: sealed }) });
    await waitFor(async () => (await fleet.reports('a'))['uid-1/0']?.reason === 'SealUnreadable');
    await fleet.untilLive(TEAMS - 1);

    appendFileSync(fleet.keyFile, `\n${newText}\n`);
    await fleet.untilReported('a', 1, TEAMS);
    await waitFor(async () => (await fleet.session('a'))?.keyIDs.includes(key.id));
  });

  it('keeps its keys when the file becomes unreadable', async () => {
    const connector = fleet.connector('a');
    await fleet.assign('a', 1, { 'uid-1/0': fleet.slot(1, { token: 'v1.00000000.nonsense' }) });
    await waitFor(async () => (await fleet.reports('a'))['uid-1/0']?.reason === 'SealUnreadable');
    writeFileSync(fleet.keyFile, 'nonsense');
    await waitFor(() => connector.logged('could not reload fleet keys, keeping the last ones'), { timeoutMs: 15_000 });
    await fleet.assign('a', 2, { 'uid-2/0': fleet.slot(2) });
    await fleet.untilReported('a', 2, 1);
  });
});
