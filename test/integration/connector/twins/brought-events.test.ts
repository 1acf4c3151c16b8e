import { beforeEach, describe, expect, it } from 'vitest';
import { type BroughtEvents, redisBroughtEvents } from '#connector/twins/brought-events.ts';
import { systemClock } from '#core/process/clock.ts';
import { broughtKey } from '#core/protocol/keys.ts';
import { RedisClock } from '#core/redis/redis-clock.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

const server = useRedis({ emptied: true });
const redis = server.useClient();

/** Another process, with its own idea of Redis's clock. @param offMs how wrong that is */
async function process(offMs = 0): Promise<{ events: BroughtEvents; clock: RedisClock }> {
  const clock = new RedisClock(systemClock);
  await clock.sync(redis);
  if (offMs !== 0) clock.observe(clock.nowMs() + offMs, systemClock.monotonicMs());
  return { events: redisBroughtEvents(redis, systemClock, clock), clock };
}
const now = (): number => systemClock.monotonicMs();
const none = new Set<string>();
/** Two estimates of Redis's clock that are further apart exchange nothing. */
const APART_MS = 1_000;
const keys = (): Promise<string[]> => redis.keys('relax:{brought}:*');

let one: BroughtEvents;
let other: BroughtEvents;
beforeEach(async () => {
  [{ events: one }, { events: other }] = [await process(), await process()];
});

describe('what processes tell each other of brought events', () => {
  it('is when a socket of a stream last brought one, by the clock of whoever asks', async () => {
    const atMs = now() - 5_000;
    await one.exchange(new Map([['T1:d1', atMs]]), none);
    const brought = await other.exchange(new Map(), new Set(['T1:d1', 'T2:d2']));
    expect([...(brought?.keys() ?? [])]).toEqual(['T1:d1']);
    expect(Math.abs((brought?.get('T1:d1') ?? 0) - atMs)).toBeLessThan(APART_MS);
  });

  it('is the latest of what several processes tell, in whatever order', async () => {
    const [early, late] = [now() - 9_000, now() - 3_000];
    await one.exchange(new Map([['T1:d1', late]]), none);
    await other.exchange(new Map([['T1:d1', early]]), none);
    const brought = await one.exchange(new Map(), new Set(['T1:d1']));
    expect(Math.abs((brought?.get('T1:d1') ?? 0) - late)).toBeLessThan(APART_MS);
  });

  it('is also what was told in the minute before', async () => {
    const { clock } = await process();
    const minute = Math.floor(clock.nowMs() / 60_000);
    await redis.hset(broughtKey(minute - 1), { 'T1:d1': String(Math.round(clock.nowMs() - 30_000)) });
    const brought = await one.exchange(new Map(), new Set(['T1:d1']));
    expect(Math.abs((brought?.get('T1:d1') ?? 0) - (now() - 30_000))).toBeLessThan(APART_MS);
  });

  it('goes by itself after minutes', async () => {
    await one.exchange(new Map([['T1:d1', now()]]), none);
    const ttls = await Promise.all((await keys()).map((key) => redis.call('PTTL', key)));
    expect(ttls).toHaveLength(1);
    expect(Number(ttls[0])).toBeGreaterThan(170_000);
    expect(Number(ttls[0])).toBeLessThanOrEqual(180_000);
  });

  it('takes one call for 500 streams, and none when there is nothing to tell or to ask', async () => {
    const streams = Array.from({ length: 1_100 }, (_, n) => `T${n}:d`);
    const calls = async (): Promise<number> => {
      const stats = await redis.info('commandstats');
      return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    };
    await one.exchange(new Map([['T0:d', now()]]), none);
    const before = await calls();
    await one.exchange(new Map(), none);
    expect(await calls()).toBe(before);
    await one.exchange(new Map(streams.map((stream) => [stream, now()])), none);
    const brought = await other.exchange(new Map(), new Set(streams));
    expect(brought?.size).toBe(1_100);
    expect((await calls()) - before).toBe(6);
  });
});

describe('a process that is wrong about the time of Redis', () => {
  it.each([-30_000, 3_600_000])('by %i ms tells and learns nothing, until it knows better', async (offMs) => {
    const { events, clock } = await process(offMs);
    await one.exchange(new Map([['T2:d2', now()]]), none);
    const told = new Map([['T1:d1', now()]]);
    expect(await events.exchange(told, new Set(['T2:d2']))).toBeUndefined();
    expect((await other.exchange(new Map(), new Set(['T1:d1'])))?.size).toBe(0);
    expect(Math.abs(clock.nowMs() - Date.now())).toBeLessThan(1_000);
    expect((await events.exchange(told, new Set(['T2:d2'])))?.size).toBe(1);
    expect((await other.exchange(new Map(), new Set(['T1:d1'])))?.size).toBe(1);
  });

  it('tells nothing when its call waited for Redis', async () => {
    const stopped = server.pid;
    globalThis.process.kill(stopped, 'SIGSTOP');
    const late = one.exchange(new Map([['T1:d1', now()]]), new Set(['T2:d2'])).catch(() => undefined);
    const sinceMs = now();
    await waitFor(() => now() - sinceMs > 1_500);
    globalThis.process.kill(stopped, 'SIGCONT');
    expect(await late).toBeUndefined();
    expect((await other.exchange(new Map(), new Set(['T1:d1'])))?.size).toBe(0);
  });
});
