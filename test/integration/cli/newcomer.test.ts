import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FleetStatus } from '#cli/status/fleet-status.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { botYaml } from '#test/support/bot-yaml.ts';
import { runCommand } from '#test/support/command.ts';
import { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { type SlackProgram, startSlackProgram } from '#test/support/e2e/slack-program.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const ROOT = join(import.meta.dirname, '../../..');
const BIN = join(ROOT, 'bin/relax.mjs');

/** Slack's own limits: three connects at once, then one a minute. */
describe('what relax standalone tells a first-time user', () => {
  const folder = mkdtempSync(join(tmpdir(), 'relax-newcomer-'));
  const bots = join(folder, 'bots');
  const [acme, other] = [generatedTeam(1), generatedTeam(2)];
  let slack: SlackProgram;
  const server = useRedis();
  let taken: Server;
  let relax: RelaxProgram;

  const start = (): RelaxProgram =>
    new RelaxProgram('standalone', ['standalone', '--bots', bots, '--connectors', '2', '--zones', 'a,b'], {
      RELAX_REDIS_URL: server.url,
      RELAX_SLACK_API_URL: slack.url,
      RELAX_METRICS_PORT: String(portOf(taken)),
      NODE_EXTRA_CA_CERTS: slack.caFile,
      XDG_STATE_HOME: folder,
    });
  const portOf = (listening: Server): number => {
    const address = listening.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  };
  const said = (msg: string) => relax.lines.filter((line) => line.msg === msg);
  const status = async (...flags: string[]): Promise<string> =>
    (await runCommand(process.execPath, [BIN, 'status', '--redis-url', server.url, ...flags])).stdout;
  const liveSockets = async (): Promise<number> => (await slack.control.stats()).sockets.live;

  beforeAll(async () => {
    mkdirSync(bots);
    slack = await startSlackProgram(2);
    taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, resolve));
    writeFileSync(join(bots, 'acme.yaml'), botYaml({ name: 'acme', teamID: acme.teamID, token: acme.token }));
    relax = start();
  });
  afterAll(async () => {
    await relax?.stop();
    await new Promise((resolve) => taken.close(resolve));
    await slack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('a taken metrics port, and which one it uses instead', async () => {
    await waitFor(async () => (await liveSockets()) === 2, { timeoutMs: 20_000, what: 'two live sockets' });
    const [line] = relax.lines.filter(({ level, problem }) => level === 'warn' && String(problem).includes('is taken'));
    expect(line).toMatchObject({ problem: expect.stringContaining(`port ${portOf(taken)} is taken`) });
    expect((await fetch(`http://127.0.0.1:${line?.port}/metrics`)).status).toBe(200);
  });

  it('which files it has read, and read again', async () => {
    expect(said('bots file')).toMatchObject([
      { path: join(bots, 'acme.yaml'), kind: 'read', bots: 1, secrets: 1, problems: 0 },
    ]);
    writeFileSync(
      join(bots, 'other.yaml'),
      botYaml({ name: 'other', teamID: other.teamID, token: 'xoxb-1-2-revoked' }),
    );
    await waitFor(() => said('bots file').length === 2, { what: 'the second file' });
    expect(said('bots file')[1]).toMatchObject({ path: join(bots, 'other.yaml'), kind: 'read' });
  });

  it('a bot that Slack refuses, as a warning with the remedy', async () => {
    const line = await waitFor(() => said('bot').find(({ bot, ready }) => bot === 'bots/other' && ready === false));
    expect(line).toMatchObject({ level: 'warn', reason: 'TokenInvalid', message: /Put a valid bot token/ });
    rmSync(join(bots, 'other.yaml'));
    await waitFor(() => said('bots file').some(({ kind }) => kind === 'gone'), { what: 'the file that is gone' });
  });

  it('at the end what was stopped, what became of the events, and what the next start costs', async () => {
    const { id } = await slack.control.startBurst({ events: 50, perSecond: 500, teams: [acme.teamID] });
    await waitFor(async () => (await slack.control.burst(id)).done);
    expect(await relax.stop(30_000)).toBe(0);
    const [line] = said('stopped');
    expect(line).toMatchObject({ connectors: 2, sockets: 2, queued: 50, left: 0, queueLength: 50 });
    expect(line?.words).toMatch(/all sockets closed .* 50 events put onto the queue relax:events .*next start takes/);
    expect(await liveSockets()).toBe(0);
  });

  it("after quick starts, that a bot waits for Slack's connect budget and for how long, everywhere", async () => {
    // Four connects in a row: the second start has one left for two sockets, the third none.
    relax = start();
    await waitFor(async () => (await liveSockets()) === 1, { timeoutMs: 20_000, what: 'one live socket' });
    expect(await relax.stop(30_000)).toBe(0);
    relax = start();
    const line = await waitFor(() => said('bot').find(({ wait }) => wait !== undefined), { timeoutMs: 20_000 });
    expect(line).toMatchObject({ bot: 'bots/acme', ready: false, wait: /^waits for Slack's connect budget, \d\d s$/ });

    const fleet = JSON.parse(await status('-o', 'json')) as FleetStatus;
    const [bot] = fleet.clusters[0]?.bots.list ?? [];
    const leftMs = (bot?.waitUntilMs ?? 0) - fleet.atMs;
    expect(leftMs).toBeGreaterThan(20_000);
    expect(leftMs).toBeLessThan(62_000);
    const seconds = async (): Promise<number> =>
      Number(/waits for Slack's connect budget, (\d+) s/.exec(await status())?.[1]);
    const before = await seconds();
    expect(before).toBeGreaterThan(10);
    await waitFor(async () => (await seconds()) < before, { what: 'a countdown', everyMs: 500 });
    // The countdown is the reader's: nothing was written for it.
    const again = JSON.parse(await status('-o', 'json')) as FleetStatus;
    expect(again.clusters[0]?.bots.list[0]?.waitUntilMs).toBe(bot?.waitUntilMs);
    expect(await liveSockets()).toBe(0);
  });
});

it('keeps the bots folder of the README out of git', () => {
  expect(readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n')).toContain('/bots/');
});
