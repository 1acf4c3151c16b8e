import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { CONNECTOR_FLAGS } from '../core/process/runtime.ts';
import { joinCredentials } from '../core/protocol/app-credentials.ts';
import { encodeSlot, type KindFields, parseSlotID } from '../core/protocol/assignment.ts';
import { clusterKeys } from '../core/protocol/keys.ts';
import { ROUTE_VERSION_FIELD, type Route } from '../core/protocol/route.ts';
import { newFleetKey, parseFleetKeys, sealingKey } from '../core/protocol/seal.ts';
import type { IoredisClient } from '../core/redis/ioredis-client.ts';
import { generatedApp, generatedInstallation } from '../slack-simulator/app.ts';
import { generatedTeam } from '../slack-simulator/team.ts';
import { type SlackProgram, startSlackProgram } from '../test/support/e2e/slack-program.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { waitFor } from '../test/support/wait.ts';
import { assignedSlot } from './fleet/assigned-slot.ts';
import { cpuMicros, rssMB } from './load/process-cost.ts';
import { benchRedis } from './redis.ts';

/**
 * What a connector weighs and what an event costs it, beside the least program that does the same (connector-baseline.ts),
 * over TLS, in one run: `node bench/connector.ts [--teams 1000] [--per-second 2000] [--seconds 10]`. Linux only.
 * With `--socket-mode` the teams are those of one app, whose two sockets carry the events of all.
 */
const { values } = parseArgs({
  options: {
    'socket-mode': { type: 'boolean', default: false },
    teams: { type: 'string', default: '1000' },
    'per-second': { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '10' },
  },
});
const TEAMS = Number(values.teams);
const PER_SECOND = Number(values['per-second']);
const SECONDS = Number(values.seconds);
const SOCKET_MODE = values['socket-mode'];
const SOCKETS = SOCKET_MODE ? 2 : TEAMS;
const APP_UID = 'uid-app';
const CLUSTER = 'bench';

interface Cost {
  idleKiB: number;
  busyKiB: number;
  microsPerEvent: number;
}

const rssKiB = (pid: number): number => (rssMB(pid) * 1e6) / 1024;

/** Of teams over RTM and of apps alike. */
async function socketsOf(slack: SlackProgram): Promise<{ live: number; open: number }> {
  const { sockets, apps } = await slack.control.stats();
  return { live: sockets.live + apps.sockets.live, open: sockets.open + apps.sockets.registered };
}

async function measure(name: string, child: ChildProcess, slack: SlackProgram): Promise<Cost> {
  const pid = child.pid ?? 0;
  const live = async (): Promise<boolean> => (await socketsOf(slack)).live === SOCKETS;
  await waitFor(live, { timeoutMs: 120_000, everyMs: 200, what: `${name}: ${SOCKETS} live sockets` });
  await sleep(5_000);
  const idleKiB = rssKiB(pid);
  const before = cpuMicros(pid);
  const { id } = await slack.control.startBurst({ events: PER_SECOND * SECONDS, perSecond: PER_SECOND });
  await waitFor(async () => (await slack.control.burst(id)).done, { timeoutMs: 120_000, everyMs: 200 });
  await sleep(1_000);
  const microsPerEvent = (cpuMicros(pid) - before) / (PER_SECOND * SECONDS);
  const cost = { idleKiB, busyKiB: rssKiB(pid), microsPerEvent };
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
  await waitFor(async () => (await socketsOf(slack)).open === 0, { timeoutMs: 30_000 });
  const mib = (kib: number): string => (kib / 1024).toFixed(0);
  // Two sockets weigh nothing beside the program.
  const each = SOCKET_MODE ? '' : ` (${(idleKiB / SOCKETS).toFixed(0)} KiB each, all told)`;
  console.log(
    `${name}: ${mib(cost.idleKiB)} MiB idle with ${SOCKETS} sockets${each}, ` +
      `${mib(cost.busyKiB)} MiB after ${PER_SECOND} events a second for ${SECONDS} s, ${microsPerEvent.toFixed(0)} µs of CPU an event`,
  );
  return cost;
}

/** What is assigned: slot -> what it connects with, and whose it is. */
function assigned(): Map<string, { token: string; bot: string; kind: KindFields }> {
  if (!SOCKET_MODE) {
    const teams = Array.from({ length: TEAMS }, (_, at) => ({ n: at + 1, ...generatedTeam(at + 1) }));
    return new Map(
      teams.map(({ n, teamID, token }) => [
        `uid-${n}/0`,
        { token, bot: `bots/bot-${n}`, kind: { kind: 'rtm', teamID } },
      ]),
    );
  }
  const { appID, appToken } = generatedApp(1);
  const kind: KindFields = { kind: 'app', appID, replies: 'off', delayedEvents: false, unknownTeams: 'deliver' };
  const slot = { token: joinCredentials({ appToken, botToken: undefined }), bot: 'apps/app', kind };
  return new Map(Array.from({ length: SOCKETS }, (_, n) => [`${APP_UID}/${n}`, slot]));
}

/** One route for each team of the app. */
function routes(): Record<string, string> {
  const fields: Record<string, string> = { [ROUTE_VERSION_FIELD]: '1' };
  for (let n = 1; n <= TEAMS; n += 1) {
    const events = { include: [], exclude: [], own: false };
    const owner = { ownerUid: `uid-${n}`, bot: `bots/bot-${n}`, generation: 1, queueNamespace: '' };
    const route: Route = { ...owner, events, replies: 'off', suspended: false };
    fields[generatedInstallation(1, n).teamID] = JSON.stringify(route);
  }
  return fields;
}

async function assign(redis: IoredisClient, key: string): Promise<void> {
  const keys = clusterKeys(CLUSTER);
  const slots: Record<string, string> = {};
  const fleetKey = sealingKey(parseFleetKeys(key), []);
  for (const [id, { token, bot, kind }] of assigned()) {
    const { ownerUid } = parseSlotID(id);
    slots[id] = encodeSlot(assignedSlot({ token, kind, bot }, fleetKey, { cluster: CLUSTER, ownerUid }));
  }
  if (SOCKET_MODE) await redis.hset(keys.route(APP_UID), routes());
  await redis.hset(keys.assign('bench-0'), slots);
  await redis.set(keys.version('bench-0'), '1');
}

async function main(folder: string): Promise<void> {
  const slack = SOCKET_MODE
    ? await startSlackProgram(0, ['--apps', '1', '--app-teams', String(TEAMS)])
    : await startSlackProgram(TEAMS, ['--burst', '1000', '--url-ttl', '300']);
  const server = await startRedis();
  const redis = await benchRedis(server.url);
  try {
    const key = newFleetKey();
    writeFileSync(join(folder, 'keys'), key);
    writeFileSync(join(folder, 'tokens'), [...assigned().values()].map(({ token }) => token).join('\n'));
    await assign(redis, key);
    const shared = { PATH: process.env.PATH ?? '', NODE_EXTRA_CA_CERTS: slack.caFile };
    const here = import.meta.dirname;
    const run = (args: string[], env: Record<string, string> = {}): ChildProcess =>
      spawn(process.execPath, [...CONNECTOR_FLAGS.node, ...args], {
        env: { ...shared, ...env },
        stdio: ['ignore', 'ignore', 'inherit'],
      });

    const method = SOCKET_MODE ? 'apps.connections.open' : 'rtm.connect';
    const baseline = run([join(here, 'connector-baseline.ts'), server.url, slack.url, join(folder, 'tokens'), method]);
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
