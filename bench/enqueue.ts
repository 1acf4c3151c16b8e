import { parseArgs } from 'node:util';
import { normalize } from '../connector/event/normalize.ts';
import type { QueueEntry } from '../connector/queue/buffer.ts';
import { type Enqueue, redisEnqueue } from '../connector/queue/enqueue.ts';
import { KnownSteps } from '../connector/queue/known-steps.ts';
import { markPlace } from '../connector/queue/mark-keys.ts';
import { Publisher } from '../connector/queue/publisher.ts';
import { systemClock } from '../core/process/clock.ts';
import { DEFAULT_CONTRACT } from '../core/protocol/contract.ts';
import { firstSteps } from '../core/protocol/dedupe-steps.ts';
import { queueKeys } from '../core/protocol/keys.ts';
import type { IoredisClient } from '../core/redis/ioredis-client.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { benchRedis } from './redis.ts';

/**
 * What push-then-mark costs against plain RPUSH of the same payloads in the same run, how long an event waits for its
 * outcome (and so for its acknowledgement) at each of several rates, and an urgent one behind a full buffer.
 * `node bench/enqueue.ts [--events 100000] [--bytes 1000] [--seconds 10] [--rates 2000,10000]`; it starts a Redis of its own
 * and empties it. Redis's time for an event comes from `INFO commandstats`, which goes on while other programs have the
 * core; the CPU time of its main thread, from `INFO cpu`, holds whatever else it did, such as reading the arguments.
 */
const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '100000' },
    bytes: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
    rates: { type: 'string', default: '2000,10000' },
  },
});
const EVENTS = Number(values.events);
/** The text is in the item twice: as `text` and in `event`. */
const TEXT = 'x'.repeat(Math.max(0, Math.round((Number(values.bytes) - 486) / 2)));
const keys = queueKeys('relax:bench', '{relax:bench}:urgent');

const source = {
  cluster: 'c1',
  ownerUid: '7a1c8e0e-0c4c-4f7e-9a44-2d3a6f0a8f11',
  bot: 'bots/acme',
  generation: 1,
  teamID: 'T024BE7LH',
  slackTeamID: 'T024BE7LH',
  botUserID: 'U0BOT',
  queueNamespace: '',
  events: { include: [], exclude: [], own: false },
};

/** 200 events a second of Slack's time, as a large fleet sees them. */
const frame = (n: number) => ({
  type: 'message',
  channel: `C0${n % 500}`,
  user: 'U0PERSON01',
  text: TEXT,
  team: 'T024BE7LH',
  ts: `${1_700_000_000 + Math.floor(n / 200)}.${String(n).padStart(6, '0')}`,
});

const event = (n: number) => {
  const normalized = normalize(frame(n), source, Date.now());
  if (normalized.kind !== 'event') throw new Error(`not an event but ${normalized.kind}`);
  return normalized;
};

const entry = (n: number): QueueEntry => {
  const { item, mark, fence } = event(n);
  const payload = JSON.stringify(item);
  return {
    fenceField: fence.field,
    generation: fence.generation,
    payload,
    bytes: payload.length,
    offeredAtMs: 0,
    mark: markPlace(item.id, mark, DEFAULT_CONTRACT, Date.now()),
    settled: undefined,
    urgent: false,
    isSentAgain: false,
    lane: 0,
  };
};

interface Result {
  name: string;
  perSecond: number;
  serverMicros: number;
  serverCpuMicros: number;
  clientMicros: number;
}

/** Commands count with what they spend inside scripts already, so only the outermost ones are summed. */
async function serverMicros(redis: IoredisClient): Promise<number> {
  const stats = await redis.info('commandstats');
  return [...stats.matchAll(/^cmdstat_(\w+):calls=\d+,usec=(\d+)/gm)]
    .filter(([, name = '']) => ['rpush', 'evalsha', 'eval'].includes(name))
    .reduce(
      (sum, [, name, micros]) => sum + (name === 'rpush' && stats.includes('cmdstat_evalsha') ? 0 : Number(micros)),
      0,
    );
}

/** Of its main thread since it started. */
async function serverCpuMicros(redis: IoredisClient): Promise<number> {
  const stats = await redis.info('cpu');
  const seconds = [...stats.matchAll(/^used_cpu_(?:user|sys)_main_thread:([\d.]+)/gm)].map(([, text]) => Number(text));
  return seconds.reduce((sum, each) => sum + each, 0) * 1e6;
}

async function measure(redis: IoredisClient, name: string, work: () => Promise<void>): Promise<Result> {
  await redis.flushall();
  await redis.config('RESETSTAT');
  const serverCpu = await serverCpuMicros(redis);
  const cpu = process.cpuUsage();
  const startedAtMs = performance.now();
  await work();
  const tookMs = performance.now() - startedAtMs;
  const { user, system } = process.cpuUsage(cpu);
  const micros = await serverMicros(redis);
  const cpuMicros = (await serverCpuMicros(redis)) - serverCpu;
  const queued = await redis.llen(keys.queue);
  if (queued !== EVENTS) throw new Error(`${name}: ${queued} of ${EVENTS} events on the queue`);
  return {
    name,
    perSecond: Math.round(EVENTS / (tookMs / 1000)),
    serverMicros: micros / EVENTS,
    serverCpuMicros: cpuMicros / EVENTS,
    clientMicros: (user + system) / EVENTS,
  };
}

async function plain(redis: IoredisClient, entries: readonly QueueEntry[], size: number): Promise<void> {
  for (let at = 0; at < entries.length; at += size) {
    const pipeline = redis.pipeline();
    for (const { payload } of entries.slice(at, at + size)) pipeline.rpush(keys.queue, payload);
    await pipeline.exec();
  }
}

const enqueueOn = (redis: IoredisClient): Enqueue =>
  redisEnqueue(redis, keys, 1_000_000, new KnownSteps(firstSteps(DEFAULT_CONTRACT.subBuckets)));

async function batches(redis: IoredisClient, entries: readonly QueueEntry[], size: number): Promise<void> {
  const enqueue = enqueueOn(redis);
  for (let at = 0; at < entries.length; at += size) await enqueue(entries.slice(at, at + size));
}

const publisherOn = (redis: IoredisClient): Publisher =>
  new Publisher({
    shards: [{ keys, enqueue: enqueueOn(redis) }],
    contract: DEFAULT_CONTRACT,
    clock: systemClock,
    buffer: { maxBytes: 1e9, maxAgeMs: 120_000 },
    redisNowMs: () => Date.now(),
    onPressure: () => {},
  });

/** The whole way: frame, normalize, encode, buffer, batch, script. */
async function wholeWay(redis: IoredisClient): Promise<void> {
  const publisher = publisherOn(redis);
  for (let n = 0; n < EVENTS; n++) {
    publisher.offer(event(n));
    if (n % 200 === 199) await new Promise((resolve) => setImmediate(resolve));
  }
  await publisher.drain(60_000);
}

/** ms from offer to outcome, of events that come at an even rate as over Socket Mode. */
async function waitsAtRate(redis: IoredisClient, perSecond: number, seconds: number): Promise<number[]> {
  const publisher = publisherOn(redis);
  const waits: number[] = [];
  const startedAtMs = performance.now();
  for (let n = 0; n < perSecond * seconds; ) {
    const due = ((performance.now() - startedAtMs) / 1000) * perSecond;
    for (; n < due && n < perSecond * seconds; n++) {
      const offeredAtMs = performance.now();
      publisher.offer(event(n), () => waits.push(performance.now() - offeredAtMs), true);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await publisher.drain(60_000);
  return waits;
}

/** ms from offer to outcome: of an urgent event, and of the last of those that waited when it came. */
async function waitsBehind(redis: IoredisClient, waiting: number): Promise<{ urgent: number; last: number }> {
  await redis.flushall();
  const publisher = publisherOn(redis);
  const waits = { urgent: 0, last: 0 };
  for (let n = 0; n < waiting; n++)
    publisher.offer(event(n), () => (waits.last = performance.now() - offeredAtMs), true);
  const offeredAtMs = performance.now();
  publisher.offer({ ...event(waiting), urgent: true }, () => (waits.urgent = performance.now() - offeredAtMs), true);
  await publisher.drain(60_000);
  return waits;
}

const percentile = (sorted: readonly number[], share: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);

const server = await startRedis();
const redis = await benchRedis(server.url);
try {
  const entries = Array.from({ length: EVENTS }, (_, n) => entry(n));
  console.log(`${EVENTS} events, ${entries[0]?.bytes} bytes each, one connection\n`);
  await measure(redis, 'warm-up', () => batches(redis, entries, 50));
  const results = [
    await measure(redis, 'plain RPUSH, pipelines of 50', () => plain(redis, entries, 50)),
    await measure(redis, 'push-then-mark, batches of 1', () => batches(redis, entries, 1)),
    await measure(redis, 'push-then-mark, batches of 10', () => batches(redis, entries, 10)),
    await measure(redis, 'push-then-mark, batches of 50', () => batches(redis, entries, 50)),
    await measure(redis, 'push-then-mark, batches of 200', () => batches(redis, entries, 200)),
    await measure(redis, 'from frame to queue (Publisher)', () => wholeWay(redis)),
  ];
  const [baseline] = results;
  console.log(
    '                                  events/s   script µs   server CPU µs   client CPU µs   events/s ÷ plain   server CPU ÷ plain',
  );
  for (const { name, perSecond, serverMicros: micros, serverCpuMicros: cpu, clientMicros } of results) {
    const rate = perSecond / (baseline?.perSecond ?? 1);
    const cost = cpu / (baseline?.serverCpuMicros ?? 1);
    console.log(
      `${name.padEnd(32)}${String(perSecond).padStart(10)}${micros.toFixed(2).padStart(12)}${cpu.toFixed(2).padStart(16)}` +
        `${clientMicros.toFixed(1).padStart(16)}${rate.toFixed(2).padStart(19)}${cost.toFixed(2).padStart(21)}`,
    );
  }
  const memory = await redis.call('MEMORY', 'USAGE', keys.dedupe(Math.floor(1_700_000_000_000 / 60_000), 0));
  const marks = await redis.hlen(keys.dedupe(Math.floor(1_700_000_000_000 / 60_000), 0));
  if (marks > 0) console.log(`\nmarks: ${(Number(memory) / marks).toFixed(1)} bytes each at ${marks} a sub-bucket`);

  const seconds = Number(values.seconds);
  console.log(
    '\nat an even rate, all acknowledged   events a batch   script µs   client CPU µs   ms to the outcome: p50, p99, most',
  );
  for (const perSecond of values.rates.split(',').map(Number)) {
    await redis.flushall();
    await redis.config('RESETSTAT');
    const cpu = process.cpuUsage();
    const waits = (await waitsAtRate(redis, perSecond, seconds)).sort((a, b) => a - b);
    const { user, system } = process.cpuUsage(cpu);
    const events = perSecond * seconds;
    if (waits.length !== events) throw new Error(`only ${waits.length} events have an outcome`);
    const calls = Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(await redis.info('commandstats'))?.[1]);
    console.log(
      `${`${perSecond} events/s for ${seconds} s`.padEnd(36)}${(events / calls).toFixed(1).padStart(14)}` +
        `${((await serverMicros(redis)) / events).toFixed(2).padStart(12)}${((user + system) / events).toFixed(1).padStart(16)}` +
        `${percentile(waits, 0.5).padStart(24)}, ${percentile(waits, 0.99)}, ${percentile(waits, 1)}`,
    );
  }
  const behind = await waitsBehind(redis, EVENTS);
  console.log(
    `\nan urgent event behind ${EVENTS} that wait: ${behind.urgent.toFixed(1)} ms; the last of those: ${behind.last.toFixed(0)} ms`,
  );
} finally {
  redis.disconnect();
  await server.stop();
}
