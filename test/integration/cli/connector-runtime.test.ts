import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONNECTOR_FLAGS } from '#core/process/runtime.ts';
import { type Simulator, startSimulator } from '#slack-simulator/simulator.ts';
import { generatedTeam } from '#slack-simulator/team.ts';
import { generatedBotYaml } from '#test/support/bot-yaml.ts';
import { runCommand } from '#test/support/command.ts';
import { RelaxProgram } from '#test/support/e2e/relax-program.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const ROOT = join(import.meta.dirname, '../../..');
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Processes that this one has started. */
async function childrenOf(parent: number): Promise<number[]> {
  const { stdout } = await runCommand('ps', ['-A', '-o', 'pid=,ppid=']);
  const pairs = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([pid = 0, of]) => (of === parent ? [pid] : []));
}

describe.each(['bun', 'node'] as const)('a connector of relax standalone on %s', (runtime) => {
  const folder = mkdtempSync(join(tmpdir(), 'relax-runtime-'));
  const server = useRedis();
  const redis = server.useClient();
  const { teamID } = generatedTeam(1);
  let slack: Simulator;
  let relax: RelaxProgram;
  const start = (): RelaxProgram => {
    const args = ['standalone', '--bots', join(folder, 'bots'), '--connectors', '1', '--zones', 'a'];
    return new RelaxProgram('standalone', args, {
      RELAX_REDIS_URL: server.url,
      RELAX_SLACK_API_URL: slack.url,
      RELAX_METRICS_PORT: '0',
      RELAX_CONNECTOR_RUNTIME: runtime,
      XDG_STATE_HOME: folder,
    });
  };
  const starts = () => relax.lines.filter(({ msg }) => msg === 'starting connector');
  const untilLive = () =>
    waitFor(() => slack.sockets(teamID).some(({ state }) => state === 'live'), { timeoutMs: 30_000, what: 'a socket' });
  const sendOne = async (): Promise<void> => {
    const before = await redis.llen('relax:events');
    slack.emitMessage(teamID);
    await waitFor(async () => (await redis.llen('relax:events')) === before + 1, { what: 'the event on the queue' });
  };
  const onlyChild = async (): Promise<number> => {
    const [pid = 0, ...others] = await childrenOf(relax.pid);
    expect(others).toEqual([]);
    return pid;
  };

  beforeAll(async () => {
    mkdirSync(join(folder, 'bots'));
    writeFileSync(join(folder, 'bots', 'bot.yaml'), generatedBotYaml(1));
    slack = await startSimulator({ connectBurst: 100, connectPerMinute: 600 });
    slack.addTeam(generatedTeam(1));
    relax = start();
    await untilLive();
  });
  afterAll(async () => {
    await relax?.kill();
    await slack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('says so, and measures what that runtime measures', async () => {
    const text = await (await fetch(`http://127.0.0.1:${starts()[0]?.port}/metrics`)).text();
    expect(text).toContain(`runtime="${runtime} `);
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds [\d.e-]+$/m);
    expect(/nodejs_(gc_duration|heap_space|active|version)/.test(text)).toBe(runtime === 'node');
  });

  it('is started again under its name when it was killed', async () => {
    await sendOne();
    process.kill(await onlyChild(), 'SIGKILL');
    await relax.logged('connector exited, restarting it');
    await waitFor(() => starts().length === 2, { timeoutMs: 20_000, what: 'a second process' });
    await untilLive();
  });

  it('ends at SIGTERM, when it has told what it queued', async () => {
    await sendOne();
    const pid = await onlyChild();
    expect(await relax.stop()).toBe(0);
    expect(isAlive(pid)).toBe(false);
    // What the first process had queued is missing if it was killed before it told.
    const { queued, left } = relax.lines.find(({ msg }) => msg === 'stopped') ?? {};
    expect(queued === 1 || queued === 2, relax.tail()).toBe(true);
    expect(left).toBe(0);
    expect(relax.lines.filter(({ msg }) => msg === 'connector did not exit in time, killed')).toEqual([]);
  });

  it('ends by itself when its parent was killed', async () => {
    relax = start();
    await relax.logged('starting connector');
    const pid = await onlyChild();
    await relax.kill();
    await waitFor(() => !isAlive(pid), { timeoutMs: 30_000, what: 'the connector has ended' });
  });
});

describe("the image's entry", () => {
  const folder = mkdtempSync(join(tmpdir(), 'relax-image-'));
  const entry = join(folder, 'bin', 'relax-image.sh');
  const stub = (path: string): void => {
    // Which process it is, what it was started as, and with what.
    writeFileSync(path, '#!/bin/sh\necho "$$ $(basename "$0") $*"\n');
    chmodSync(path, 0o755);
  };
  beforeAll(() => {
    for (const name of ['bin', 'both', 'node']) mkdirSync(join(folder, name));
    copyFileSync(join(ROOT, 'bin/relax-image.sh'), entry);
    for (const path of ['both/bun', 'both/node', 'node/node']) stub(join(folder, path));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** @returns exit code, and what became of it; `itself`: in the same process */
  async function run(args: string[], runtime: string | undefined, path = 'both') {
    const env = runtime === undefined ? [] : [`RELAX_CONNECTOR_RUNTIME=${runtime}`];
    const child = spawn('env', ['-i', `PATH=${join(folder, path)}:/usr/bin:/bin`, ...env, entry, ...args]);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    const [code] = await once(child, 'close');
    const [, pid, command = ''] = /^(\d+) (.*)\n$/.exec(stdout) ?? [];
    return { code, itself: Number(pid) === child.pid, command: command.replaceAll(`${folder}/bin/..`, ''), stderr };
  }
  const onBun = `bun ${CONNECTOR_FLAGS.bun.join(' ')} /dist/bun/main.js connector --cluster c`;
  const onNode = 'node /dist/node/main.js connector --cluster c';

  it.each([
    [undefined, onBun],
    ['', onBun],
    ['bun', onBun],
    ['node', onNode],
    // The program itself says what is wrong.
    ['deno', onNode],
  ])('becomes a connector; with RELAX_CONNECTOR_RUNTIME %j it is %s', async (runtime, command) => {
    const started = await run(['connector', '--cluster', 'c'], runtime);
    expect(started).toEqual({ code: 0, itself: true, command, stderr: '' });
  });

  it.each(['operator', 'standalone', 'status', '--help'])('becomes relax %s on Node', async (program) => {
    const command = `node /dist/node/main.js ${program}`;
    expect(await run([program], 'bun')).toEqual({ code: 0, itself: true, command, stderr: '' });
  });

  it('says what to do in an image without Bun', async () => {
    expect(await run(['connector'], 'bun', 'node')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/RELAX_CONNECTOR_RUNTIME.*no Bun.*connector\.runtime: node/),
    });
    expect(await run(['connector'], 'node', 'node')).toMatchObject({ code: 0, itself: true });
  });
});
