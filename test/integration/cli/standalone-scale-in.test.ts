import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { generatedBotYaml } from '#test/support/bot-yaml.ts';
import { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const TEAMS = 10;

describe('relax standalone, started again with fewer connectors', () => {
  const folder = mkdtempSync(join(tmpdir(), 'relax-standalone-'));
  let slack: Simulator;
  const server = useRedis();
  const redis = server.useClient();
  let relax: RelaxProgram;

  const start = (connectors: number): RelaxProgram => {
    const args = ['--bots', join(folder, 'bots'), '--connectors', String(connectors), '--zones', 'a,b,c'];
    return new RelaxProgram('standalone', ['standalone', ...args], {
      RELAX_REDIS_URL: server.url,
      RELAX_SLACK_API_URL: slack.url,
      RELAX_METRICS_PORT: '0',
      XDG_STATE_HOME: folder,
    });
  };
  const untilEachHasTwo = (timeoutMs: number) =>
    waitFor(
      () => {
        if (!relax.running) throw new Error(relax.tail());
        const counts = Array.from({ length: TEAMS }, (_, n) => slack.sockets(generatedTeam(n + 1).teamID));
        return counts.every((sockets) => sockets.filter(({ state }) => state === 'live').length === 2);
      },
      { timeoutMs, what: 'two live sockets a team' },
    );

  beforeAll(async () => {
    mkdirSync(join(folder, 'bots'));
    for (let n = 1; n <= TEAMS; n++) writeFileSync(join(folder, 'bots', `bot-${n}.yaml`), generatedBotYaml(n));
    slack = await startSimulator({ connectBurst: 100, connectPerMinute: 600 });
    for (let n = 1; n <= TEAMS; n++) slack.addTeam(generatedTeam(n));
    relax = start(3);
  });
  afterAll(async () => {
    await relax?.stop();
    await slack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('does not wait for the one that no longer exists', async () => {
    await untilEachHasTwo(60_000);
    // One that comes up late finds all sockets placed, and is given some to balance the load.
    await waitFor(async () => (await redis.keys('relax:*:assign:connector-2')).length === 1, {
      what: 'sockets on the third connector',
      timeoutMs: 60_000,
    });
    const [assignments = ''] = await redis.keys('relax:*:assign:connector-2');
    expect(await relax.stop()).toBe(0);
    // As if it had been quiet for a while: every connect budget is full again.
    await redis.del(...(await redis.keys('relax:connect:*')));
    relax = start(2);
    const startedMs = performance.now();
    await untilEachHasTwo(60_000);
    console.log(`two sockets a team ${Math.round(performance.now() - startedMs)} ms after the start`);
    await waitFor(async () => (await redis.hlen(assignments)) === 0, { what: 'the third connector left' });
  }, 200_000);
});
