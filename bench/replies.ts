import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Slot } from '../core/protocol/assignment.ts';
import { clusterKeys } from '../core/protocol/keys.ts';
import { newFleetKey, parseFleetKeys, seal, sealingKey } from '../core/protocol/seal.ts';
import { tokenDigest } from '../core/protocol/token.ts';
import type { IoredisClient } from '../core/redis/ioredis-client.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { waitFor } from '../test/support/wait.ts';
import { benchRedis } from './redis.ts';
import { BenchSlack } from './replies-slack.ts';

/**
 * What Relax itself takes of the 3 s that Slack waits for an answer: from a slash command on the websocket to the item on the
 * queue, and from the application's answer to the acknowledgement on the websocket; beside other events, and beside the least
 * program that does the same (replies-baseline.ts), in one run:
 * `node bench/replies.ts [--commands 200] [--events 2000] [--seconds 15]`. It starts a Redis of its own. Where the machine has
 * other work, that is what it measures; `chrt -f 5 node bench/replies.ts` (as root) keeps it out.
 */
const { values } = parseArgs({
  options: {
    commands: { type: 'string', default: '200' },
    events: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '15' },
  },
});
const COMMANDS = Number(values.commands);
const EVENTS = Number(values.events);
const SECONDS = Number(values.seconds);
const CLUSTER = 'bench';
const POD = 'bench-0';
const QUEUE = 'relax:events';
const URGENT = '{relax:events}:urgent';
const keys = clusterKeys(CLUSTER);
const here = import.meta.dirname;

const PERCENTILES = [50, 99, 99.9];
const percentile = (sorted: readonly number[], p: number): number =>
  sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN;

/** Percentiles of our share in ms: there, back, both. */
async function measure(name: string, child: ChildProcess, slack: BenchSlack): Promise<number[][]> {
  await waitFor(() => slack.isConnected, { timeoutMs: 60_000, what: `${name}: a socket` });
  await slack.send(COMMANDS, EVENTS, 2);
  await slack.send(COMMANDS, EVENTS, SECONDS);
  await waitFor(() => slack.waiting === 0, { timeoutMs: 30_000, what: `${name}: every envelope acknowledged` });
  const { shares } = slack;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
  await waitFor(() => !slack.isConnected);
  if (shares.length < COMMANDS * SECONDS)
    throw new Error(`${name}: ${shares.length} of ${COMMANDS * SECONDS} answered`);
  return [
    shares.map(({ thereMs }) => thereMs),
    shares.map(({ backMs }) => backMs),
    shares.map(({ thereMs, backMs }) => thereMs + backMs),
  ]
    .map((list) => list.toSorted((a, b) => a - b))
    .map((sorted) => PERCENTILES.map((p) => percentile(sorted, p)));
}

/** One socket of one app, as the planner would assign it. */
async function assign(redis: IoredisClient, fleetKey: string): Promise<void> {
  const token = 'xapp-1-A0BENCH-1-0123456789abcdef';
  const teamID = 'T0BENCH';
  const slot: Slot = {
    epoch: 1,
    generation: 1,
    role: 'active',
    kind: 'socketMode',
    teamID,
    replies: 'wait',
    delayedEvents: false,
    bot: 'bots/bench',
    queueNamespace: '',
    events: { include: [], exclude: [], own: false },
    tokenDigest: tokenDigest(token),
    assignedAtMs: Date.now(),
    cause: 'place',
    token: seal(token, sealingKey(parseFleetKeys(fleetKey), []), { cluster: CLUSTER, ownerUid: 'uid', teamID }),
  };
  await redis.hset(keys.assign(POD), { 'uid/0': JSON.stringify(slot) });
  await redis.set(keys.version(POD), '1');
}

function run(args: string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, args, {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

async function main(folder: string): Promise<void> {
  const slack = await BenchSlack.start();
  const server = await startRedis();
  const redis = await benchRedis(server.url);
  const application = run([join(here, 'replies-application.ts'), server.url, QUEUE, URGENT]);
  try {
    const fleetKey = newFleetKey();
    writeFileSync(join(folder, 'keys'), fleetKey);
    await assign(redis, fleetKey);
    console.log(`${COMMANDS} commands beside ${EVENTS} events a second for ${SECONDS} s, one socket; ms\n`);

    const baseline = run([
      join(here, 'replies-baseline.ts'),
      ...[server.url, `ws://127.0.0.1:${slack.port}`, QUEUE, URGENT, keys.replies(POD)],
    ]);
    const least = await measure('baseline', baseline, slack);
    const connector = run([join(here, '..', 'bin', 'relax.mjs'), 'connector'], {
      RELAX_REDIS_URL: server.url,
      RELAX_SLACK_API_URL: `http://127.0.0.1:${slack.port}/api/`,
      RELAX_FLEET_KEY_FILE: join(folder, 'keys'),
      RELAX_CLUSTER: CLUSTER,
      RELAX_POD: POD,
      RELAX_ZONE: 'a',
      RELAX_QUEUE: QUEUE,
      RELAX_QUEUE_URGENT: URGENT,
      RELAX_METRICS_PORT: '0',
      RELAX_METRICS_HOST: '127.0.0.1',
      RELAX_LOG_LEVEL: 'warn',
    });
    const ours = await measure('relax connector', connector, slack);
    report(least, ours);
  } finally {
    application.kill('SIGKILL');
    redis.disconnect();
    slack.stop();
    await server.stop();
  }
}

function report(least: number[][], ours: number[][]): void {
  const row = (name: string, numbers: readonly number[]): string =>
    name.padEnd(46) + numbers.map((number) => number.toFixed(2).padStart(10)).join('');
  console.log(' '.repeat(46) + PERCENTILES.map((p) => `p${p}`.padStart(10)).join(''));
  const ways = [
    'websocket -> application has the item',
    'answer pushed -> acknowledgement on websocket',
    'our share, both',
  ];
  for (const [at, way] of ways.entries()) {
    const [base = [], relax = []] = [least[at], ours[at]];
    console.log(row(way, []));
    console.log(row('  baseline', base));
    console.log(row('  relax', relax));
    console.log(
      row(
        '  relax ÷ baseline',
        relax.map((ms, index) => ms / (base[index] ?? Number.NaN)),
      ),
    );
  }
  const p99 = ours[2]?.[1] ?? Number.NaN;
  console.log(`\np99 of our share: ${p99.toFixed(1)} ms (to be below 100)`);
}

const folder = mkdtempSync(join(tmpdir(), 'relax-bench-'));
try {
  await main(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
