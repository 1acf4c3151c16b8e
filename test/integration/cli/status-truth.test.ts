import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterKeys } from '#core/protocol/keys.ts';
import { decodeSession } from '#core/protocol/session.ts';
import { startSimulator } from '#slack-simulator/simulator.ts';
import type { Simulator } from '#slack-simulator/simulator-api.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { generatedBotYaml } from '#test/support/bot-yaml.ts';
import { PortGate } from '#test/support/e2e/port-gate.ts';
import { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import type { Source } from '#test/support/e2e/status-truth.ts';
import {
  askRelaxStatus,
  expectTruth,
  LEASE_MS,
  lasting,
  READY_LAG_MS,
  relaxStatusSource,
} from '#test/support/e2e/status-watch.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const NUMBERS = [1, 2, 3];
const nameOf = (n: number): string => `bot-${n}`;
const WANTED = new Map(NUMBERS.map((n) => [nameOf(n), 2]));
const CLUSTER = 'truth';
/** Nothing is held back in standalone mode: no server takes what is written there. */
const PROMPT = { liveLagMs: READY_LAG_MS, readyLagMs: READY_LAG_MS };
const LEASE = { liveLagMs: READY_LAG_MS + LEASE_MS, readyLagMs: READY_LAG_MS + LEASE_MS };

describe('what standalone mode and relax status say', () => {
  const folder = mkdtempSync(join(tmpdir(), 'relax-truth-'));
  let slack: Simulator;
  let gate: PortGate;
  const server = useRedis();
  const redis = server.useClient();
  let relax: RelaxProgram;
  let budgets: NodeJS.Timeout;

  const start = (): void => {
    relax = new RelaxProgram('standalone', ['standalone', '--bots', folder, '--connectors', '2', '--zones', 'a,b'], {
      RELAX_REDIS_URL: server.url,
      RELAX_CLUSTER: CLUSTER,
      RELAX_SLACK_API_URL: `http://127.0.0.1:${gate.port}/api/`,
      RELAX_METRICS_PORT: '0',
      XDG_STATE_HOME: folder,
    });
  };

  beforeAll(async () => {
    slack = await startSimulator({ connectBurst: 100, connectPerMinute: 600 });
    gate = new PortGate(slack.port);
    await gate.open();
    for (const n of NUMBERS) {
      const team = generatedTeam(n);
      slack.addTeam(team);
      writeFileSync(join(folder, `${nameOf(n)}.yaml`), generatedBotYaml(n));
    }
    // Slack's budget of a connect a minute is another test's matter.
    budgets = setInterval(() => {
      void redis
        .keys('relax:connect:*')
        .then((keys) => (keys.length > 0 ? redis.del(...keys) : 0))
        .catch(() => undefined);
    }, 500);
  });
  afterAll(async () => {
    clearInterval(budgets);
    await relax?.stop();
    await gate?.shut();
    await slack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const liveOf = (n: number): number =>
    slack.sockets(generatedTeam(n).teamID).filter(({ state }) => state === 'live').length;
  const counted = async () => new Map(NUMBERS.map((n) => [nameOf(n), liveOf(n)]));
  const status: Source = () => relaxStatusSource(server.url)();
  /** The line that it keeps of all its bots, which is what its table shows, too. */
  const own: Source = async () => {
    const line = relax.lines.findLast(({ msg }) => msg === 'fleet');
    const live = Number(line?.live ?? 0);
    return relax.running && line !== undefined ? { bots: new Map([['all', { live }]]) } : undefined;
  };
  const watch = {
    wanted: WANTED,
    counted,
    story: async () => relax.tail(),
  };
  const sumWatch = {
    ...watch,
    wanted: new Map([['all', 6]]),
    counted: async () => new Map([['all', [...(await counted()).values()].reduce((sum, live) => sum + live, 0)]]),
  };
  const whileAsked = async (lags: typeof PROMPT, action: () => Promise<void>): Promise<void> => {
    const done = Promise.withResolvers<void>();
    await Promise.all([
      expectTruth(watch, { 'relax status': status }, lags, () => action().then(done.resolve, done.reject)),
      expectTruth(sumWatch, { standalone: own }, lags, () => done.promise),
    ]);
  };

  it('is true while it starts', async () => {
    await whileAsked(PROMPT, async () => start());
  });

  it('is true while a connector is killed and started again', async () => {
    await whileAsked(LEASE, async () => {
      const session = decodeSession((await redis.get(clusterKeys(CLUSTER).session('connector-0'))) ?? '');
      process.kill(session?.pid ?? 0, 'SIGKILL');
      await waitFor(() => slack.stats().sockets.live < 6, { everyMs: 20 });
    });
  });

  it('is true through an outage of Slack', async () => {
    await whileAsked(PROMPT, async () => {
      await gate.shut();
      await lasting(12_000);
      await gate.open();
    });
  });

  it('is true when nothing runs: not healthy, no event flows, exit code 3', async () => {
    expect(await relax.stop(40_000)).toBe(0);
    await waitFor(() => slack.stats().sockets.open === 0);
    const { healthy, problems, clusters } = await waitFor(
      async () => {
        const seen = await askRelaxStatus({ 'redis-url': server.url });
        return seen.clusters[0]?.bots.list.every(({ live, ready }) => live === 0 && !ready) === true && seen;
      },
      { timeoutMs: READY_LAG_MS, everyMs: 100, what: 'no socket told of' },
    );
    expect([healthy, clusters[0]?.bots.ready, clusters[0]?.sockets.live]).toEqual([false, 0, 0]);
    expect(problems.join('\n')).toMatch(/no planner is running: start .*\n.*no connector is running/);
  });

  it('is true while it starts again', async () => {
    await whileAsked(PROMPT, async () => start());
  });

  it('names a cluster that never was, and those that there are', async () => {
    const { healthy, problems, clusters } = await askRelaxStatus({ 'redis-url': server.url, cluster: 'typo' });
    expect([healthy, clusters]).toEqual([false, []]);
    expect(problems).toEqual([expect.stringContaining(`no such cluster on this Redis: typo; it has ${CLUSTER}`)]);
  });
});
