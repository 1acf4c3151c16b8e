import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FleetStatus } from '#cli/status/fleet-status.ts';
import { isUnheard } from '#slack-simulator/ledger.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { generatedBotYaml } from '#test/support/bot-yaml.ts';
import { runCommand } from '#test/support/command.ts';
import { settledAudit } from '#test/support/e2e/queue-audit.ts';
import { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { type SlackProgram, startSlackProgram } from '#test/support/e2e/slack-program.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const BIN = join(import.meta.dirname, '../../../bin/relax.mjs');
const TEAMS = 20;
const QUEUE = 'relax:events';
const URGENT = '{relax:events}:urgent';

describe('relax standalone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'relax-standalone-'));
  const bots = join(folder, 'bots');
  let slack: SlackProgram;
  const server = useRedis();
  const redis = server.useClient();
  let relax: RelaxProgram;

  const put = (n: number, options?: Parameters<typeof generatedBotYaml>[1]): void =>
    writeFileSync(join(bots, `bot-${n}.yaml`), generatedBotYaml(n, options));
  const start = (): RelaxProgram =>
    new RelaxProgram('standalone', ['standalone', '--bots', bots, '--connectors', '2', '--zones', 'a,b'], {
      RELAX_REDIS_URL: server.url,
      RELAX_SLACK_API_URL: slack.url,
      RELAX_METRICS_PORT: '0',
      RELAX_QUEUE_URGENT: URGENT,
      NODE_EXTRA_CA_CERTS: slack.caFile,
      XDG_STATE_HOME: folder,
    });
  async function status(): Promise<FleetStatus> {
    const { code, stdout, stderr } = await runCommand(process.execPath, [
      BIN,
      'status',
      '-o',
      'json',
      '--redis-url',
      server.url,
      '--queue-urgent',
      URGENT,
    ]);
    if (code !== 0 && code !== 3) throw new Error(stderr);
    return JSON.parse(stdout) as FleetStatus;
  }
  async function only() {
    const { clusters } = await status();
    const [cluster, ...others] = clusters;
    if (cluster === undefined || others.length > 0) throw new Error(`clusters: ${JSON.stringify(clusters)}`);
    return cluster;
  }
  const liveOf = async (n: number) =>
    (await slack.control.sockets(generatedTeam(n).teamID)).filter(({ state }) => state === 'live').length;
  const untilLive = (n: number, sockets: number) =>
    waitFor(async () => (await liveOf(n)) === sockets, {
      timeoutMs: 20_000,
      everyMs: 100,
      what: `bot ${n}: ${sockets}`,
    });
  /** As if it had been quiet for a while: every connect budget is full again. */
  const quietMinutes = async () => redis.del(...(await redis.keys('relax:connect:*')));
  const untilAllLive = (sockets: number) =>
    waitFor(
      async () => {
        if (!relax.running) throw new Error(relax.tail());
        return (await slack.control.stats()).sockets.live === sockets;
      },
      { timeoutMs: 40_000, everyMs: 100, what: `${sockets} live sockets` },
    );

  beforeAll(async () => {
    mkdirSync(bots);
    slack = await startSlackProgram(TEAMS + 1, ['--burst', '50', '--connects-per-minute', '600']);
    for (let n = 1; n <= TEAMS; n += 1) put(n);
    relax = start();
  });
  afterAll(async () => {
    await relax?.stop();
    await slack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('opens two sockets for each bot of the directory, in two zones', async () => {
    await untilAllLive(2 * TEAMS);
    expect(relax.text + relax.lines.map(({ msg }) => msg).join('\n')).toContain(`SlackBots and SlackApps from ${bots}`);
  });

  it('is what relax status shows', async () => {
    const cluster = await waitFor(async () => {
      const seen = await only();
      return seen.bots.ready === TEAMS && seen.bots.list.every(({ live }) => live === 2) && seen;
    });
    expect(cluster).toMatchObject({ planner: true, bots: { total: TEAMS, byReason: { Live: TEAMS } } });
    expect(cluster.pods.map(({ pod, zone, state, sockets }) => [pod, zone, state, sockets.live])).toEqual([
      ['connector-0', 'a', 'up', TEAMS],
      ['connector-1', 'b', 'up', TEAMS],
    ]);
    expect(cluster.bots.list[0]).toMatchObject({ desired: 2, live: 2, zones: ['a', 'b'], teamName: /Simulated/ });
    expect(await status()).toMatchObject({ queue: { name: QUEUE, length: 0 }, contract: { windowMs: 3_600_000 } });
  });

  it('shows the list of urgent events beside the queue, as relax status does', async () => {
    await redis.rpush(URGENT, '{}', '{}');
    expect(await status()).toMatchObject({ queue: { length: 0, urgent: { name: URGENT, length: 2 } } });
    const { port } = relax.lines.find(({ msg }) => msg === 'starting standalone') ?? {};
    await waitFor(async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return ['relax_queue_items{list="queue"} 0', 'relax_queue_items{list="urgent"} 2'].every((line) =>
        metrics.includes(line),
      );
    });
    await redis.del(URGENT);
  });

  it('runs once under a cluster name: a second start says which process has it, and changes nothing', async () => {
    const second = start();
    expect(await second.ended()).toBe(1);
    expect(second.text).toMatch(
      new RegExp(`runs already under this cluster name, as process ${relax.pid}: .*RELAX_CLUSTER`),
    );
    expect((await slack.control.stats()).sockets).toEqual({ open: 2 * TEAMS, live: 2 * TEAMS });
  });

  it('brings each event to the queue once while a connector is killed and started again', async () => {
    const [victim] = (await only()).pods;
    const teams = Array.from({ length: TEAMS }, (_, n) => generatedTeam(n + 1).teamID);
    const { id } = await slack.control.startBurst({ events: 6_000, perSecond: 1_000, teams });
    await waitFor(async () => (await slack.control.burst(id)).emitted > 2_000, { everyMs: 20 });
    process.kill(victim?.pid ?? 0, 'SIGKILL');
    await waitFor(async () => (await slack.control.burst(id)).done, { timeoutMs: 40_000, everyMs: 50 });
    const sent = await slack.control.events();
    expect(sent.filter(isUnheard)).toEqual([]);
    const audit = await settledAudit(redis, QUEUE, () => sent);
    expect({ ...audit, others: audit.others.length }).toEqual({ sent: 6_000, lost: [], duplicated: [], others: 0 });
    await untilAllLive(2 * TEAMS);
    const pods = await waitFor(async () => {
      const seen = (await only()).pods;
      return seen.every(({ sockets }) => sockets.live === TEAMS) && seen;
    });
    expect(pods.map(({ pod }) => pod)).toEqual(['connector-0', 'connector-1']);
    expect(pods[0]?.pid).not.toBe(victim?.pid);
  });

  it('follows the directory: a bot that comes, one that goes, one suspended and resumed', async () => {
    await quietMinutes();
    put(TEAMS + 1);
    await untilLive(TEAMS + 1, 2);
    rmSync(join(bots, `bot-${TEAMS + 1}.yaml`));
    await untilLive(TEAMS + 1, 0);
    put(1, { spec: '  suspend: true' });
    await untilLive(1, 0);
    await waitFor(async () => (await only()).bots.byReason.Suspended === 1, { what: 'Suspended in relax status' });
    put(1);
    await untilLive(1, 2);
    await waitFor(async () => (await only()).bots.byReason.Suspended === undefined, {
      what: 'resumed in relax status',
    });
  });

  it('uses a new token, and says which bot has a revoked one', async () => {
    const { teamID } = generatedTeam(2);
    const { token } = await slack.control.rotateToken(teamID);
    await waitFor(async () => (await only()).bots.list.some(({ bot, ready }) => bot === 'bots/bot-2' && !ready));
    const [line] = (await only()).bots.list;
    expect(line).toMatchObject({ bot: 'bots/bot-2', reason: /^Token/ });
    put(2, { token });
    await untilLive(2, 2);
    await waitFor(async () => (await only()).bots.ready === TEAMS, { what: 'all ready again' });
  });

  it('keeps every socket while a file is broken, and says where and how to fix it', async () => {
    const before = (await slack.control.sockets()).map(({ id }) => id);
    writeFileSync(join(bots, 'bot-3.yaml'), generatedBotYaml(3, { spec: '  replicas: many' }));
    writeFileSync(join(bots, 'bot-4.yaml'), 'kind: [');
    writeFileSync(join(bots, 'bot-5.yaml'), generatedBotYaml(5).replace(/teamID: .*/, 'teamID: T0OTHER'));
    const problems = await waitFor(() => {
      const told = relax.lines.filter(({ msg }) => msg === 'bots directory').map(({ problem }) => String(problem));
      return told.length === 3 && told.sort();
    });
    expect(problems).toEqual([
      expect.stringMatching(/^bot-3\.yaml, document 2: spec\.replicas: /),
      expect.stringMatching(/^bot-4\.yaml, document 1: is not YAML: line 1/),
      expect.stringMatching(/^bot-5\.yaml, document 2: spec\.teamID: .*immutable/),
    ]);
    put(6, { spec: '  replicas: 1' });
    await untilLive(6, 1);
    const after = (await slack.control.sockets()).map(({ id }) => id);
    expect(before.filter((id) => !after.includes(id))).toHaveLength(1);
  });

  it('leaves no process and no socket behind on SIGTERM, and finds its bots again', async () => {
    const pids = (await only()).pods.map(({ pid }) => pid ?? 0);
    expect(await relax.stop(30_000)).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
    await waitFor(async () => (await slack.control.stats()).sockets.open === 0);
    for (const n of [3, 4, 5, 6]) put(n);
    await quietMinutes();
    relax = start();
    await untilAllLive(2 * TEAMS);
  });

  it('takes its connectors along when it is killed', async () => {
    const pids = (await only()).pods.map(({ pid }) => pid ?? 0);
    await relax.kill();
    await waitFor(() => !pids.some(isAlive), { timeoutMs: 30_000, everyMs: 100, what: 'connectors ended' });
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
