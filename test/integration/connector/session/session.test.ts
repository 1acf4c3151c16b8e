import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ContractWatch } from '../../../../connector/session/contract-watch.ts';
import { redisRenew } from '../../../../connector/session/renewal.ts';
import { DEFAULT_CONTRACT } from '../../../../core/contract.ts';
import { CONTRACT_KEY, clusterKeys } from '../../../../core/keys.ts';
import { createLog } from '../../../../core/log.ts';
import { type Redis, redisTimeMs } from '../../../../core/redis.ts';
import { decodeSession, type Session } from '../../../../core/session.ts';
import { type RedisServer, startRedis } from '../../../support/redis-server.ts';
import { connect } from '../queue/fleet.ts';

const keys = clusterKeys('c1');
const session = (incarnation: string, changes: Partial<Session> = {}): Session => ({
  ...{ pod: 'c-0', incarnation, zone: 'a', capacity: 10, state: 'up', drainingSinceMs: 0, version: 0, keyIDs: [] },
  ...{ reportVersion: 0, faults: [], pid: 1 },
  ...changes,
});

let server: RedisServer;
let redis: Redis;
beforeEach(async () => {
  server = await startRedis();
  redis = await connect(server);
});
afterEach(async () => {
  redis.disconnect();
  await server.stop();
});

const holder = async (): Promise<string | undefined> =>
  decodeSession((await redis.get(keys.session('c-0'))) ?? '')?.incarnation;

describe('a renewal', () => {
  it('writes the session with its life, and where the planner finds it', async () => {
    const renew = redisRenew(redis, keys, 'c-0');
    const beforeMs = await redisTimeMs(redis);
    const renewal = await renew(session('i1', { version: 3 }), 15_000, true);
    expect(renewal).toEqual({
      ...{ redisMs: expect.any(Number), version: undefined, drained: undefined, reportsExist: false },
      rival: undefined,
    });
    expect(renewal.redisMs).toBeGreaterThanOrEqual(beforeMs);
    expect(renewal.redisMs).toBeLessThan(beforeMs + 5_000);
    expect(decodeSession((await redis.get(keys.session('c-0'))) ?? '')).toEqual(session('i1', { version: 3 }));
    expect(await redis.pttl(keys.session('c-0'))).toBeGreaterThan(14_000);
    expect(await redis.zscore(keys.pods, 'c-0')).toBe(String(renewal.redisMs));
  });

  it('tells the version, the drained mark and whether reports exist, whose life it prolongs', async () => {
    await redis.set(keys.version('c-0'), '12');
    await redis.set(keys.drained('c-0'), 'i1');
    await redis.hset(keys.report('c-0'), 'a/0', '{}');
    const renewal = await redisRenew(redis, keys, 'c-0')(session('i1'), 15_000, true);
    expect(renewal).toMatchObject({ version: 12, drained: 'i1', reportsExist: true });
    expect(await redis.pttl(keys.report('c-0'))).toBeGreaterThan(3_500_000);
  });

  it.each(['', '-1', '1.5', 'nonsense'])('takes a version of %j for unknown', async (version) => {
    await redis.set(keys.version('c-0'), version);
    expect((await redisRenew(redis, keys, 'c-0')(session('i1'), 15_000, true)).version).toBeUndefined();
  });

  it('leaves the name to the younger of two processes, until that one is gone', async () => {
    const renew = redisRenew(redis, keys, 'c-0');
    await renew(session('old'), 15_000, true);
    expect((await renew(session('young'), 15_000, true)).rival).toBeUndefined();
    expect((await renew(session('old'), 15_000, false)).rival).toBe('young');
    expect(await holder()).toBe('young');
    expect((await renew(session('young'), 15_000, false)).rival).toBeUndefined();
    await redis.del(keys.session('c-0'));
    expect((await renew(session('old'), 15_000, false)).rival).toBeUndefined();
    expect(await holder()).toBe('old');
  });

  it('finds no rival in a process that drains', async () => {
    const renew = redisRenew(redis, keys, 'c-0');
    await renew(session('old', { state: 'draining', drainingSinceMs: 1 }), 90_000, true);
    expect((await renew(session('young'), 15_000, false)).rival).toBeUndefined();
    expect((await renew(session('old', { state: 'draining' }), 90_000, false)).rival).toBe('young');
  });

  it('writes over a session that is not readable', async () => {
    await redis.set(keys.session('c-0'), 'nonsense');
    expect((await redisRenew(redis, keys, 'c-0')(session('i1'), 15_000, false)).rival).toBeUndefined();
    expect(await holder()).toBe('i1');
  });
});

describe('the fleet contract', () => {
  it('is put back after a loss, and a conflict is told in words until it ends', async () => {
    const watch = new ContractWatch(redis, DEFAULT_CONTRACT, createLog({ program: 'test', level: 'silent' }));
    await watch.check();
    expect(await redis.hget(CONTRACT_KEY, 'windowMs')).toBe('3600000');
    expect(watch.conflict).toBeUndefined();
    await redis.hset(CONTRACT_KEY, 'subBuckets', '128');
    await watch.check();
    expect(watch.conflict).toMatch(/RELAX_DEDUPE_SUBBUCKETS is 64 here but 128 in Redis/);
    await redis.flushall();
    await watch.check();
    expect(watch.conflict).toBeUndefined();
  });
});
