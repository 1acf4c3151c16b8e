import { Writable } from 'node:stream';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { RedisWatch } from '#connector/session/redis-watch.ts';
import type { Clock } from '#core/process/clock.ts';
import { DEFAULT_CONTRACT } from '#core/protocol/contract.ts';
import { type RedisNeeds, waitForRedis } from '#core/protocol/wait-for-redis.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';

let lines: string[];
const log = pino(
  new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  }),
);

const server = useRedis({ lifetime: 'test' });
const redis = server.useClient({ log });

beforeEach(() => {
  lines = [];
});

const waitForIt = (changes: Partial<RedisNeeds> = {}, signal = AbortSignal.timeout(5_000)): Promise<boolean> => {
  const ask = async (): Promise<void> => {};
  return waitForRedis(
    redis,
    { contract: DEFAULT_CONTRACT, allowEviction: undefined, tellNotes: true, ask, ...changes },
    log,
    signal,
  );
};

describe('a start', () => {
  it.each(['allkeys-lru', 'volatile-ttl'])(
    'is refused by a Redis with %s, and leaves nothing there',
    async (policy) => {
      await redis.config('SET', 'maxmemory-policy', policy);
      await expect(waitForIt()).rejects.toThrow(`RELAX_ALLOW_EVICTION=${policy}`);
      await expect(waitForIt({ allowEviction: 'volatile-lfu' })).rejects.toThrow('noeviction');
      expect(await redis.dbsize()).toBe(0);
    },
  );

  it('continues, and says what that may cost, where the policy is explicitly allowed', async () => {
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await waitForIt({ allowEviction: 'allkeys-lru' })).toBe(true);
    expect(lines.filter((line) => line.includes('allkeys-lru'))).toHaveLength(1);
  });

  it('says once that nothing is written to an append-only file, where it is asked to', async () => {
    expect(await waitForIt()).toBe(true);
    expect(await waitForIt({ tellNotes: false })).toBe(true);
    expect(lines.filter((line) => line.includes('append-only'))).toHaveLength(1);
    await redis.config('SET', 'appendonly', 'yes');
    lines = [];
    expect(await waitForIt()).toBe(true);
    expect(lines.filter((line) => line.includes('append-only'))).toEqual([]);
  });

  it('needs no right to CONFIG', async () => {
    await redis.call(
      'ACL',
      'SETUSER',
      'app',
      'on',
      '>pw',
      '~relax:*',
      '~{relax:*',
      '+@all',
      '-@admin',
      '-@dangerous',
      '+info',
    );
    await redis.auth('app', 'pw');
    expect(await waitForIt()).toBe(true);
  });

  it.each(['hsetnx', 'evalsha', 'eval', 'hgetall'])('without the right to %s waits and names it', async (command) => {
    await redis.script('FLUSH');
    await redis.call('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '+@all', `-${command}`);
    await redis.auth('app', 'pw');
    const waits: string[] = [];
    const stopping = new AbortController();
    const waiting = waitForIt({ onWait: (words) => waits.push(words) }, stopping.signal);
    await waitFor(() => waits.length > 0);
    stopping.abort();
    expect(await waiting).toBe(false);
    expect(waits[0]).toContain(`Redis ACL refuses a command: ${command}. Grant it: ACL SETUSER`);
    expect(waits[0]).toContain(`+${command})`);
  });

  it('on a replica waits for its primary, and says so', async () => {
    await redis.replicaof('127.0.0.1', '1');
    const stopping = new AbortController();
    const waiting = waitForIt({}, stopping.signal);
    await waitFor(() => lines.some((line) => line.includes('point RELAX_REDIS_URL at the primary')));
    stopping.abort();
    expect(await waiting).toBe(false);
  });
});

describe('a Redis that changes under a running connector', () => {
  let nowMs = 0;
  const clock: Clock = { wallMs: () => nowMs, monotonicMs: () => nowMs };
  const look = async (watch: RedisWatch): Promise<readonly string[]> => {
    nowMs += 60_000;
    await watch.check();
    return watch.faults;
  };

  it('is a fault as long as it may evict or is a replica, and no longer', async () => {
    const watch = new RedisWatch(redis, 'volatile-lru', clock, log);
    expect(await look(watch)).toEqual([]);
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await look(watch)).toEqual([expect.stringContaining('maxmemory-policy allkeys-lru')]);
    await redis.config('SET', 'maxmemory-policy', 'volatile-lru');
    expect(await look(watch)).toEqual([]);
    await redis.replicaof('127.0.0.1', '1');
    expect(await look(watch)).toEqual([expect.stringContaining('read-only replica')]);
    await redis.replicaof('NO', 'ONE');
    expect(await look(watch)).toEqual([]);
  });

  it('keeps its fault while Redis is away, since unknown changes nothing', async () => {
    const watch = new RedisWatch(redis, undefined, clock, log);
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await look(watch)).toHaveLength(1);
    await server.kill();
    expect(await look(watch)).toHaveLength(1);
  });
});
