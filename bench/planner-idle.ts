import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '../core/process/clock.ts';
import { createLog } from '../core/process/log.ts';
import { decodeSlot } from '../core/protocol/assignment.ts';
import { clusterKeys, queueKeys } from '../core/protocol/keys.ts';
import type { SlotReport } from '../core/protocol/report.ts';
import { newFleetKey, parseFleetKeys } from '../core/protocol/seal.ts';
import type { Session } from '../core/protocol/session.ts';
import { tokenDigest } from '../core/protocol/token.ts';
import { IoredisClient } from '../core/redis/ioredis-client.ts';
import type { RedisRole } from '../core/redis/redis.ts';
import type { Desired, DesiredBot } from '../operator/fleet/desired.ts';
import { Planner } from '../operator/fleet/planner.ts';
import type { PlannerTimes } from '../operator/fleet/planner-options.ts';
import { startRedis } from '../test/support/redis-server.ts';

/**
 * What the planner costs while nothing happens: the real Planner on a real Redis, with sessions and reports of pods that
 * only renew. First with every round done in full, then as in production.
 * `node bench/planner-idle.ts [--bots 10000] [--pods 20] [--seconds 20]`; needs redis-server on
 * the PATH.
 */
const { values } = parseArgs({
  options: {
    bots: { type: 'string', default: '10000' },
    pods: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '20' },
  },
});
const BOTS = Number(values.bots);
const PODS = Array.from({ length: Number(values.pods) }, (_, n) => `relax-connector-${n}`);
const CLUSTER = 'bench';
const keys = clusterKeys(CLUSTER);
const fleetKeys = parseFleetKeys(newFleetKey());
const log = createLog({ program: 'bench', level: 'silent' });

const server = await startRedis();

async function connect(role: RedisRole): Promise<IoredisClient> {
  const redis = new IoredisClient(
    { url: server.url, username: undefined, passwordFile: undefined, caFile: undefined },
    role,
    'bench',
    log,
  );
  await redis.connect().catch(() => undefined);
  while (redis.status !== 'ready') await sleep(20);
  return redis;
}

function desiredBots(): Map<string, DesiredBot> {
  const bots = new Map<string, DesiredBot>();
  for (let n = 0; n < BOTS; n++) {
    const ownerUid = `${String(n).padStart(8, '0')}-0c4c-4f7e-9a44-2d3a6f0a8f11`;
    const token = `xoxb-${n}-secret`;
    bots.set(ownerUid, {
      token,
      set: {
        ownerUid,
        bot: `bots/b${n}`,
        kind: 'rtm',
        teamID: `T${n}`,
        replicas: 2,
        generation: 1,
        queueNamespace: '',
        events: { include: [], exclude: [], own: false },
        tokenDigest: tokenDigest(token),
      },
    });
  }
  return bots;
}

const session = (pod: string, n: number, change: Partial<Session> = {}): Session => ({
  pod,
  incarnation: `i${n}`,
  zone: ['a', 'b', 'c'][n % 3] ?? 'a',
  capacity: 5_000,
  state: 'up',
  drainingSinceMs: 0,
  version: 0,
  keyIDs: fleetKeys.map(({ id }) => id),
  reportVersion: 0,
  faults: [],
  pid: 1,
  owner: '',
  machine: '',
  startTicks: '',
  ...change,
});

async function putSessions(redis: IoredisClient, change: Partial<Session> = {}): Promise<void> {
  for (const [n, pod] of PODS.entries()) {
    const version = Number(await redis.get(keys.version(pod))) || 0;
    await redis.set(keys.session(pod), JSON.stringify(session(pod, n, { version, ...change })));
    await redis.zadd(keys.pods, 0, pod);
  }
}

/** Every socket is live. */
async function report(redis: IoredisClient): Promise<number> {
  let slots = 0;
  for (const [n, pod] of PODS.entries()) {
    const fields = new Map<string, string>();
    for (const [id, json] of Object.entries(await redis.hgetall(keys.assign(pod)))) {
      const slot = decodeSlot(json);
      if (slot === undefined) continue;
      const said: SlotReport = {
        epoch: slot.epoch,
        incarnation: `i${n}`,
        state: 'live',
        reason: '',
        message: '',
        tokenDigest: slot.tokenDigest,
        teamName: '',
        botUserID: '',
      };
      fields.set(id, JSON.stringify(said));
    }
    if (fields.size > 0) await redis.hset(keys.report(pod), fields);
    slots += fields.size;
  }
  await putSessions(redis, { reportVersion: 1 });
  return slots;
}

interface Cost {
  rounds: number;
  idle: number;
  /** Median and longest, in ms. */
  median: number;
  longest: number;
  /** Of one core, in percent, all of this process: the fake sessions don't renew, so it is the planner. */
  cpu: number;
}

async function measure(redis: IoredisClient, desired: Desired, times: Partial<PlannerTimes>): Promise<Cost> {
  const subscriber = await connect('subscriber');
  let took: number[] = [];
  let idle = 0;
  const planner = new Planner({
    redis,
    subscriber,
    keys,
    queueKeys: queueKeys('relax:events'),
    cluster: CLUSTER,
    owner: 'bench',
    log,
    windowMs: 3_600_000,
    fleetKeys: () => fleetKeys,
    desired: () => desired,
    onView: () => undefined,
    clock: systemClock,
    observer: {
      round: (round) => {
        took.push(round.tookMs);
        idle += Number(round.idle);
      },
    },
    times: { settleMs: 1_000, ...times },
  });
  planner.start();
  const live = () => planner.view().settled && planner.view().pods.reduce((sum, pod) => sum + pod.live, 0);
  for (let said = 0; live() !== 2 * BOTS; ) {
    await sleep(500);
    const slots = planner.view().pods.reduce((sum, pod) => sum + pod.slots, 0);
    if (slots !== said) said = await report(redis);
  }
  await sleep(3_000);
  took = [];
  idle = 0;
  const before = process.cpuUsage();
  const startedMs = performance.now();
  await sleep(Number(values.seconds) * 1_000);
  const used = process.cpuUsage(before);
  const sorted = took.toSorted((a, b) => a - b);
  const cost: Cost = {
    rounds: sorted.length,
    idle,
    longest: sorted.at(-1) ?? 0,
    median: sorted[Math.floor(sorted.length / 2)] ?? 0,
    cpu: ((used.user + used.system) / 1_000 / (performance.now() - startedMs)) * 100,
  };
  await planner.stop();
  subscriber.disconnect();
  return cost;
}

const show = (name: string, { rounds, idle, median, longest, cpu }: Cost): void =>
  console.log(
    `${name.padEnd(22)} ${rounds} rounds (${idle} idle)  median ${median.toFixed(1)} ms  longest ${longest.toFixed(1)} ms  ${cpu.toFixed(2)} % of a core`,
  );

const redis = await connect('command');
try {
  await putSessions(redis);
  const desired: Desired = {
    synced: true,
    unlisted: new Set(),
    bots: desiredBots(),
    stopped: new Map(),
    routed: new Map(),
    kept: new Set(),
  };
  console.log(`${BOTS} bots, ${PODS.length} pods, ${values.seconds} s each, node ${process.version}`);
  const whole = await measure(redis, desired, { wholeRoundMs: 0 });
  show('every round whole', whole);
  const now = await measure(redis, desired, {});
  show('as it comes', now);
  console.log(
    `ratio: ${(whole.median / now.median).toFixed(0)} in the median round, ${(whole.cpu / now.cpu).toFixed(1)} in CPU`,
  );
} finally {
  redis.disconnect();
  await server.stop();
}
