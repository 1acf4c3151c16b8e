import { parseArgs } from 'node:util';
import type { QueueEntry } from '../connector/queue/buffer.ts';
import { redisEnqueue } from '../connector/queue/enqueue.ts';
import { KnownSteps } from '../connector/queue/known-steps.ts';
import { markPlace } from '../connector/queue/mark-keys.ts';
import { DEFAULT_CONTRACT } from '../core/protocol/contract.ts';
import { type DedupeSteps, firstSteps, nextStep } from '../core/protocol/dedupe-steps.ts';
import { queueKeys } from '../core/protocol/keys.ts';
import type { IoredisClient } from '../core/redis/ioredis-client.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { benchRedis } from './redis.ts';

/**
 * What a mark costs in memory and time of Redis, by rate: with the 64 hashes a minute that the contract says, and with as
 * many as the steps of the dedupe memory take for that rate. Whole minutes of marks are written as fast as Redis takes them.
 * `node bench/dedupe.ts [--rates 500,2000,10000,20000] [--marks 240000]`; it starts a Redis of its own and empties it.
 */
const { values } = parseArgs({
  options: {
    rates: { type: 'string', default: '500,2000,10000,20000' },
    marks: { type: 'string', default: '240000' },
  },
});
const BATCH = 50;
/** A mark lives for the window and up to a bucket more, renewed once. */
const LIFE_SECONDS = (DEFAULT_CONTRACT.windowMs + DEFAULT_CONTRACT.bucketMs) / 1000;
const FIRST_BUCKET = 29_000_000;
const keys = queueKeys('relax:bench');
const fixed = firstSteps(DEFAULT_CONTRACT.subBuckets);

/** A small item: its memory is no mark's, and its time is the same in both. */
const entry = (n: number, perMinute: number): QueueEntry => ({
  fenceField: 'c1/u1',
  generation: 1,
  lane: 0,
  payload: '{}',
  bytes: 2,
  offeredAtMs: 0,
  mark: markPlace(
    `T024BE7LH/U0BOT/message/C0${n % 500}/${n}`,
    { kind: 'timed', atMs: (FIRST_BUCKET + Math.floor(n / perMinute)) * DEFAULT_CONTRACT.bucketMs },
    DEFAULT_CONTRACT,
    0,
  ),
  settled: undefined,
  urgent: false,
  isSentAgain: false,
});

/** As if the rate had been measured long ago. */
function stepsFor(perMinute: number): DedupeSteps {
  const facts = { nowBucket: FIRST_BUCKET, newestBucket: FIRST_BUCKET, calm: undefined, floor: fixed.steps[0].count };
  const step = nextStep({ ...facts, steps: fixed, marks: perMinute });
  return step === undefined ? fixed : firstSteps(step.count);
}

async function infoOf(redis: IoredisClient, section: string, name: RegExp): Promise<number> {
  return Number(name.exec(await redis.info(section))?.[1] ?? Number.NaN);
}
const usedBytes = (redis: IoredisClient): Promise<number> => infoOf(redis, 'memory', /^used_memory:(\d+)/m);
const scriptMicros = async (redis: IoredisClient): Promise<number> =>
  (await infoOf(redis, 'commandstats', /^cmdstat_evalsha:calls=\d+,usec=(\d+)/m)) || 0;

interface Cost {
  hashes: number;
  bytesPerMark: number;
  microsPerEvent: number;
}

async function measure(redis: IoredisClient, perSecond: number, steps: DedupeSteps): Promise<Cost> {
  await redis.flushall();
  await redis.config('RESETSTAT');
  const enqueue = redisEnqueue(redis, keys, 0, new KnownSteps(steps));
  const before = await usedBytes(redis);
  const perMinute = perSecond * 60;
  // What Redis needs for the connection and the script must not show beside the marks.
  const events = perMinute * Math.ceil(Number(values.marks) / perMinute);
  for (let at = 0; at < events; at += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, events - at) }, (_, n) => entry(at + n, perMinute));
    const results = await enqueue(batch);
    if (results.some(({ kind }) => kind !== 'queued')) throw new Error('an event was not queued');
    if (at % 100_000 === 0) await redis.del(keys.queue);
  }
  const micros = await scriptMicros(redis);
  await redis.del(keys.queue);
  const bytes = (await usedBytes(redis)) - before;
  return { hashes: steps.steps[0].count, bytesPerMark: bytes / events, microsPerEvent: micros / events };
}

const server = await startRedis();
const redis = await benchRedis(server.url);
try {
  await measure(redis, 500, fixed);
  console.log(
    `at least ${values.marks} marks for each line, in batches of ${BATCH}; MB: those of ${LIFE_SECONDS} s, extrapolated\n`,
  );
  console.log('events/s   hashes/min   marks/hash   bytes/mark   server µs/event   MB/window   bytes ÷ 64   µs ÷ 64');
  for (const perSecond of values.rates.split(',').map(Number)) {
    const before = await measure(redis, perSecond, fixed);
    const scaled = await measure(redis, perSecond, stepsFor(perSecond * 60));
    for (const cost of [before, scaled]) {
      console.log(
        String(perSecond).padStart(8) +
          String(cost.hashes).padStart(13) +
          ((perSecond * 60) / cost.hashes).toFixed(0).padStart(13) +
          cost.bytesPerMark.toFixed(1).padStart(13) +
          cost.microsPerEvent.toFixed(2).padStart(18) +
          ((cost.bytesPerMark * perSecond * LIFE_SECONDS) / 1e6).toFixed(0).padStart(12) +
          (cost.bytesPerMark / before.bytesPerMark).toFixed(2).padStart(13) +
          (cost.microsPerEvent / before.microsPerEvent).toFixed(2).padStart(10),
      );
    }
  }
} finally {
  redis.disconnect();
  await server.stop();
}
