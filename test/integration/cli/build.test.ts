import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '#core/process/version.ts';
import { newFleetKey } from '#core/protocol/seal.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { generatedBotYaml } from '#test/support/bot-yaml.ts';
import { Command, runCommand } from '#test/support/command.ts';
import { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { type SlackProgram, startSlackProgram } from '#test/support/e2e/slack-program.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** What `make build` makes, in a folder outside of the clone, where no node_modules are found. */
describe('a build', () => {
  const folder = mkdtempSync(join(tmpdir(), 'relax-build-'));
  const dist = join(folder, 'dist');
  const empty = join(folder, 'empty');
  const executable = join(dist, 'relax');
  const server = useRedis();
  const redis = server.useClient();

  beforeAll(async () => {
    mkdirSync(empty);
    await new Command(process.execPath).must([join(ROOT, 'scripts/build.ts'), dist]);
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const bundles: [string, [string, ...string[]]][] = [
    ['node', [process.execPath, join(dist, 'node/main.js')]],
    ['bun', [join(ROOT, 'node_modules/bun/bin/bun.exe'), join(dist, 'bun/main.js')]],
  ];
  it.each(bundles)('runs a connector by its bundle for %s, with nothing else beside it', async (_name, command) => {
    const keys = join(folder, 'fleet.keys');
    writeFileSync(keys, newFleetKey());
    const env = {
      RELAX_REDIS_URL: server.url,
      RELAX_FLEET_KEY_FILE: keys,
      RELAX_CLUSTER: 'c',
      RELAX_METRICS_PORT: '0',
    };
    const connector = new RelaxProgram('connector', ['connector', '--zone', 'a'], env, { command, cwd: empty });
    await connector.logged('connected to Redis');
    expect(await connector.stop()).toBe(0);
  });

  describe('as an executable', () => {
    const relax = (...args: string[]) => runCommand('/usr/bin/env', ['-i', '-C', empty, executable, ...args]);

    it('needs nothing of its surroundings, and takes nothing from there', async () => {
      writeFileSync(join(empty, '.env'), 'RELAX_REDIS_URL=redis://127.0.0.1:1\n');
      writeFileSync(join(empty, 'bunfig.toml'), 'preload = ["./no-such-file.ts"]\n');
      expect(await relax('--version')).toEqual({ code: 0, stdout: `${version()}\n`, stderr: '' });
      expect(await relax('connector')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('RELAX_REDIS_URL is missing'),
      });
      for (const file of readdirSync(empty)) rmSync(join(empty, file));
    });

    it('runs no operator, and says what does', async () => {
      const { code, stderr } = await relax('operator');
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('with Node 24 or later') });
    });

    describe('with a bot', () => {
      let slack: SlackProgram;
      let standalone: RelaxProgram;
      beforeAll(async () => {
        const bots = join(folder, 'bots');
        mkdirSync(bots);
        writeFileSync(join(bots, 'bot.yaml'), generatedBotYaml(1));
        slack = await startSlackProgram(1);
        standalone = new RelaxProgram(
          'standalone',
          ['standalone', '--bots', bots, '--connectors', '1'],
          {
            PATH: '',
            RELAX_REDIS_URL: server.url,
            RELAX_SLACK_API_URL: slack.url,
            RELAX_METRICS_PORT: '0',
            RELAX_CONNECTOR_RUNTIME: '',
            NODE_EXTRA_CA_CERTS: slack.caFile,
            XDG_STATE_HOME: folder,
          },
          { command: [executable], cwd: empty },
        );
      });
      afterAll(async () => {
        await standalone.kill();
        await slack.stop();
      });

      it('runs standalone, whose connectors are the executable too', async () => {
        const { teamID } = generatedTeam(1);
        const isLive = async () => (await slack.control.sockets(teamID)).some(({ state }) => state === 'live');
        await waitFor(isLive, { timeoutMs: 30_000, what: 'a live socket' });
        const children = await runCommand('/usr/bin/env', ['pgrep', '-P', String(standalone.pid)]);
        const programs = children.stdout
          .trim()
          .split('\n')
          .map((pid) => readlinkSync(`/proc/${pid}/exe`));
        expect(programs).toEqual([executable]);

        await slack.control.emitEvent(teamID, 'message');
        await waitFor(async () => (await redis.llen('relax:events')) === 1, { what: 'the event on the queue' });
        expect(await standalone.stop()).toBe(0);
        expect(readdirSync(empty)).toEqual([]);
      }, 60_000);
    });
  });
});
