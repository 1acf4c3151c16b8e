import { parseArgs } from 'node:util';
import { redisBroughtEvents } from '../connector/twins/brought-events.ts';
import { TWIN_TIMES } from '../connector/twins/twin-watch.ts';
import { systemClock } from '../core/process/clock.ts';
import { createLog } from '../core/process/log.ts';
import { tokenDigest } from '../core/protocol/token.ts';
import { IoredisClient } from '../core/redis/ioredis-client.ts';
import { RedisClock } from '../core/redis/redis-clock.ts';
import { startRedis } from '../test/support/redis-server.ts';

/**
 * What finding deaf sockets costs (ADR 0022): the exchange that a connector makes every 10 s, when all of its streams talk, when
 * none does, and for half of each. `node bench/twins.ts [--slots 5000] [--exchanges 50]`; it starts a Redis of its own.
 */
const { values } = parseArgs({
  options: { slots: { type: 'string', default: '5000' }, exchanges: { type: 'string', default: '50' } },
});
const SLOTS = Number(values.slots);
const EXCHANGES = Number(values.exchanges);
const streams = Array.from({ length: SLOTS }, (_, n) => `T${String(n).padStart(9, '0')}:${tokenDigest(`xoxb-${n}`)}`);

const server = await startRedis();
const settings = { url: server.url, username: undefined, passwordFile: undefined, caFile: undefined };
const redis = new IoredisClient(settings, 'command', 'bench', createLog({ program: 'bench', level: 'warn' }));
await redis.connect();
const clock = new RedisClock(systemClock);
await clock.sync(redis);
const brought = redisBroughtEvents(redis, systemClock, clock);

const infoOf = async (section: string, what: RegExp): Promise<number[]> =>
  (what.exec(await redis.info(section)) ?? []).slice(1).map(Number);

/** @param talking share of the streams that bring events; the others ask */
async function measure(talking: number): Promise<Record<string, number | string>> {
  const told = streams.slice(0, talking * SLOTS);
  const asked = new Set(streams.slice(talking * SLOTS));
  await redis.config('RESETSTAT');
  const cpu = process.cpuUsage();
  for (let n = 0; n < EXCHANGES; n += 1) {
    const nowMs = systemClock.monotonicMs();
    const answer = await brought.exchange(new Map(told.map((stream) => [stream, nowMs])), asked);
    if (answer === undefined) throw new Error('the clocks differ');
  }
  const { user, system } = process.cpuUsage(cpu);
  const [calls = 0, micros = 0] = await infoOf('commandstats', /cmdstat_evalsha:calls=(\d+),usec=(\d+)/);
  const everyMicros = TWIN_TIMES.exchangeMs * 1_000;
  return {
    'streams that talk': told.length,
    'calls an exchange': Math.round(calls / EXCHANGES),
    'server ms an exchange': Number((micros / EXCHANGES / 1_000).toFixed(2)),
    'server µs a call': Math.round(micros / calls),
    '% of a Redis core': Number(((100 * micros) / EXCHANGES / everyMicros).toFixed(3)),
    'client ms an exchange': Number(((user + system) / EXCHANGES / 1_000).toFixed(2)),
  };
}

const USED = /used_memory:(\d+)/;
// Loads the script.
await brought.exchange(new Map(), new Set(['none']));
const [before = 0] = await infoOf('memory', USED);
const rows = [await measure(1), await measure(0), await measure(0.5)];
const [after = 0] = await infoOf('memory', USED);
console.table(rows);
console.log(`${SLOTS} streams take ${Math.round((after - before) / 1024)} KiB in Redis for each minute, of three`);
redis.close();
await server.stop();
