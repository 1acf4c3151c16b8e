import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createLog } from '../core/process/log.ts';
import type { Slot } from '../core/protocol/assignment.ts';
import { clusterKeys } from '../core/protocol/keys.ts';
import { newFleetKey, parseFleetKeys, seal, sealingKey } from '../core/protocol/seal.ts';
import { tokenDigest } from '../core/protocol/token.ts';
import { IoredisClient } from '../core/redis/ioredis-client.ts';
import { generatedTeam } from '../slack-simulator/team.ts';
import { type SlackProgram, startSlackProgram } from '../test/support/e2e/slack-program.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { waitFor } from '../test/support/wait.ts';

/**
 * What a connector weighs and what an event costs it, beside the least program that does the same (connector-baseline.ts),
 * over TLS, in one run: `node bench/connector.ts [--teams 1000] [--per-second 2000] [--seconds 10]`. Linux only.
 */
const { values } = parseArgs({
  options: {
    teams: { type: 'string', default: '1000' },
    'per-second': { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '10' },
  },
});
const TEAMS = Number(values.teams);
const PER_SECOND = Number(values['per-second']);
const SECONDS = Number(values.seconds);
const CLUSTER = 'bench';
const TICKS_PER_SECOND = 100;

interface Cost {
  idleKiB: number;
  busyKiB: number;
  microsPerEvent: number;
}

const cpuSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
};
const rssKiB = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

async function measure(name: string, child: ChildProcess, slack: SlackProgram): Promise<Cost> {
  const pid = child.pid ?? 0;
  const live = async (): Promise<boolean> => (await slack.control.stats()).sockets.live === TEAMS;
  await waitFor(live, { timeoutMs: 120_000, everyMs: 200, what: `${name}: ${TEAMS} live sockets` });
  await sleep(5_000);
  const idleKiB = rssKiB(pid);
  const before = cpuSeconds(pid);
  const { id } = await slack.control.startBurst({ events: PER_SECOND * SECONDS, perSecond: PER_SECOND });
  await waitFor(async () => (await slack.control.burst(id)).done, { timeoutMs: 120_000, everyMs: 200 });
  await sleep(1_000);
  const microsPerEvent = ((cpuSeconds(pid) - before) * 1e6) / (PER_SECOND * SECONDS);
  const cost = { idleKiB, busyKiB: rssKiB(pid), microsPerEvent };
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
  await waitFor(async () => (await slack.control.stats()).sockets.open === 0, { timeoutMs: 30_000 });
  const mib = (kib: number): string => (kib / 1024).toFixed(0);
  console.log(
    `${name}: ${mib(cost.idleKiB)} MiB idle with ${TEAMS} sockets (${(idleKiB / TEAMS).toFixed(0)} KiB each, all told), ` +
      `${mib(cost.busyKiB)} MiB after ${PER_SECOND} events a second for ${SECONDS} s, ${microsPerEvent.toFixed(0)} µs of CPU an event`,
  );
  return cost;
}

async function assign(redis: IoredisClient, key: string): Promise<void> {
  const keys = clusterKeys(CLUSTER);
  const slots: Record<string, string> = {};
  const fleetKey = sealingKey(parseFleetKeys(key), []);
  for (let n = 1; n <= TEAMS; n += 1) {
    const { teamID, token } = generatedTeam(n);
    const slot: Slot = {
      epoch: 1,
      generation: 1,
      role: 'active',
      kind: 'rtm',
      teamID,
      bot: `bots/bot-${n}`,
      queueNamespace: '',
      events: { include: [], exclude: [], own: false },
      tokenDigest: tokenDigest(token),
      assignedAtMs: Date.now(),
      cause: 'place',
      token: seal(token, fleetKey, { cluster: CLUSTER, ownerUid: `uid-${n}`, teamID }),
    };
    slots[`uid-${n}/0`] = JSON.stringify(slot);
  }
  await redis.hset(keys.assign('bench-0'), slots);
  await redis.set(keys.version('bench-0'), '1');
}

async function main(folder: string): Promise<void> {
  const slack = await startSlackProgram(TEAMS, ['--burst', '1000', '--url-ttl', '300']);
  const server = await startRedis();
  const settings = { url: server.url, username: undefined, passwordFile: undefined, caFile: undefined };
  const redis = new IoredisClient(settings, 'command', 'bench', createLog({ program: 'bench', level: 'silent' }));
  await redis.connect();
  try {
    const key = newFleetKey();
    writeFileSync(join(folder, 'keys'), key);
    const tokens = Array.from({ length: TEAMS }, (_, n) => generatedTeam(n + 1).token);
    writeFileSync(join(folder, 'tokens'), tokens.join('\n'));
    await assign(redis, key);
    const shared = { PATH: process.env.PATH ?? '', NODE_EXTRA_CA_CERTS: slack.caFile };
    const here = import.meta.dirname;
    // As standalone and the chart start it.
    const flags = ['--max-semi-space-size=4'];
    const run = (args: string[], env: Record<string, string> = {}): ChildProcess =>
      spawn(process.execPath, [...flags, ...args], {
        env: { ...shared, ...env },
        stdio: ['ignore', 'ignore', 'inherit'],
      });

    const baseline = run([join(here, 'connector-baseline.ts'), server.url, slack.url, join(folder, 'tokens')]);
    const least = await measure('baseline', baseline, slack);
    const relax = run([join(here, '..', 'bin', 'relax.mjs'), 'connector'], {
      RELAX_REDIS_URL: server.url,
      RELAX_SLACK_API_URL: slack.url,
      RELAX_FLEET_KEY_FILE: join(folder, 'keys'),
      RELAX_CLUSTER: CLUSTER,
      RELAX_POD: 'bench-0',
      RELAX_ZONE: 'a',
      RELAX_METRICS_PORT: '0',
      RELAX_METRICS_HOST: '127.0.0.1',
      RELAX_LOG_LEVEL: 'warn',
    });
    const ours = await measure('relax connector', relax, slack);
    const queued = await redis.llen('relax:events');
    if (queued !== PER_SECOND * SECONDS) throw new Error(`${queued} events on the queue, ${PER_SECOND * SECONDS} sent`);
    console.log(`memory idle, relax/baseline: ${(ours.idleKiB / least.idleKiB).toFixed(2)}`);
    console.log(`CPU an event, relax/baseline: ${(ours.microsPerEvent / least.microsPerEvent).toFixed(2)}`);
  } finally {
    redis.disconnect();
    await slack.stop();
    await server.stop();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'relax-bench-'));
try {
  await main(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
