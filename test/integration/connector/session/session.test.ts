import { describe, expect, it } from 'vitest';
import { ContractWatch } from '#connector/session/contract-watch.ts';
import { redisLook, redisRenew } from '#connector/session/renewal.ts';
import { DEFAULT_CONTRACT } from '#core/protocol/contract.ts';
import { CONTRACT_KEY, clusterKeys } from '#core/protocol/keys.ts';
import { decodeSession, type Session } from '#core/protocol/session.ts';
import { redisTimeMs } from '#core/redis/redis-clock.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { silentLog } from '#test/support/silent-log.ts';

const keys = clusterKeys('c1');
const session = (incarnation: string, changes: Partial<Session> = {}): Session => ({
  pod: 'c-0',
  incarnation,
  zone: 'a',
  capacity: 10,
  state: 'up',
  drainingSinceMs: 0,
  version: 0,
  keyIDs: [],
  reportVersion: 0,
  faults: [],
  pid: 1,
  owner: '',
  machine: '',
  startTicks: '',
  ...changes,
});

const redis = useRedis({ lifetime: 'test' }).useClient();

const holder = async (): Promise<string | undefined> =>
  decodeSession((await redis.get(keys.session('c-0'))) ?? '')?.incarnation;

describe('a renewal', () => {
  it('writes the session with its life, and where the planner finds it', async () => {
    const renew = redisRenew(redis, keys, 'c-0');
    const beforeMs = await redisTimeMs(redis);
    const renewal = await renew(session('i1', { version: 3 }), 15_000, undefined);
    expect(renewal).toEqual({
      redisMs: expect.any(Number),
      version: undefined,
      drained: undefined,
      reportsExist: false,
      rival: undefined,
    });
    expect(renewal.redisMs).toBeGreaterThanOrEqual(beforeMs);
    expect(renewal.redisMs).toBeLessThan(beforeMs + 5_000);
    expect(decodeSession((await redis.get(keys.session('c-0'))) ?? '')).toEqual(session('i1', { version: 3 }));
    expect(await redis.pttl(keys.session('c-0'))).toBeGreaterThan(14_000);
    expect(await redis.zscore(keys.pods, 'c-0')).toBe(String(renewal.redisMs));
  });

  it('returns the version, the drained mark and whether reports exist, and extends their TTL', async () => {
    await redis.set(keys.version('c-0'), '12');
    await redis.set(keys.drained('c-0'), 'i1');
    await redis.hset(keys.report('c-0'), 'a/0', '{}');
    const renewal = await redisRenew(redis, keys, 'c-0')(session('i1'), 15_000, undefined);
    expect(renewal).toMatchObject({ version: 12, drained: 'i1', reportsExist: true });
    expect(await redis.pttl(keys.report('c-0'))).toBeGreaterThan(3_500_000);
  });

  it.each(['', '-1', '1.5', 'nonsense'])('takes a version of %j for unknown', async (version) => {
    await redis.set(keys.version('c-0'), version);
    expect((await redisRenew(redis, keys, 'c-0')(session('i1'), 15_000, undefined)).version).toBeUndefined();
  });

  it('takes the name only from the holder that was judged, and only while that one does not renew', async () => {
    const renew = redisRenew(redis, keys, 'c-0');
    const look = redisLook(redis, keys, 'c-0');
    await renew(session('old'), 15_000, undefined);
    expect((await renew(session('young'), 15_000, undefined)).rival).toBe('old');
    const { renewedAt } = await look();
    expect((await renew(session('young'), 15_000, { incarnation: 'another', renewedAt })).rival).toBe('old');
    const renewed = { incarnation: 'old', renewedAt: String(Number(renewedAt) - 1) };
    expect((await renew(session('young'), 15_000, renewed)).rival).toBe('old');
    expect(await holder()).toBe('old');
    expect(await redis.zscore(keys.pods, 'c-0')).toBe(renewedAt);

    expect((await renew(session('young'), 15_000, { incarnation: 'old', renewedAt })).rival).toBeUndefined();
    expect((await renew(session('old'), 15_000, undefined)).rival).toBe('young');
    expect(await holder()).toBe('young');
    await redis.del(keys.session('c-0'));
    expect((await renew(session('old'), 15_000, undefined)).rival).toBeUndefined();
    expect(await holder()).toBe('old');
  });

  it('writes nothing into a scope of another owner, and names that one', async () => {
    const renew = redisRenew(redis, keys, 'c-0');
    await redis.set(keys.owner, 'uid-1/relax');
    await redis.set(keys.version('c-0'), '12');
    const before = await redis.dbsize();
    expect((await renew(session('i1', { owner: 'uid-2/relax' }), 15_000, undefined)).foreign).toBe('uid-1/relax');
    expect((await renew(session('i1', { owner: 'uid-1/relax-2' }), 15_000, undefined)).foreign).toBe('uid-1/relax');
    expect(await redis.dbsize()).toBe(before);
    expect(await holder()).toBeUndefined();
  });

  it.each([
    ['its own', 'uid-1/relax', 'uid-1/relax'],
    ['one that was not told its own', 'uid-1/relax', ''],
    ['what an earlier version wrote for it', 'uid-1', 'uid-1/relax'],
  ])('is granted in a scope whose owner is %s', async (_name, stored, owner) => {
    await redis.set(keys.owner, stored);
    const renewal = await redisRenew(redis, keys, 'c-0')(session('i1', { owner }), 15_000, undefined);
    expect([renewal.foreign, await holder()]).toEqual([undefined, 'i1']);
  });

  it('finds no rival in a process that drains', async () => {
    const renew = redisRenew(redis, keys, 'c-0');
    await renew(session('old', { state: 'draining', drainingSinceMs: 1 }), 90_000, undefined);
    expect((await renew(session('young'), 15_000, undefined)).rival).toBeUndefined();
    expect((await renew(session('old', { state: 'draining' }), 90_000, undefined)).rival).toBe('young');
  });

  it('overwrites a session that is not readable', async () => {
    await redis.set(keys.session('c-0'), 'nonsense');
    expect((await redisRenew(redis, keys, 'c-0')(session('i1'), 15_000, undefined)).rival).toBeUndefined();
    expect(await holder()).toBe('i1');
  });
});

describe('a look at the name', () => {
  const look = () => redisLook(redis, keys, 'c-0')();

  it('finds nobody in an empty Redis, and writes nothing', async () => {
    expect(await look()).toEqual({ scopeOwner: '', holder: undefined, renewedAt: '' });
    expect(await redis.dbsize()).toBe(0);
  });

  it('finds the holder as it described itself, its last renewal, and the owner of the scope', async () => {
    await redis.set(keys.owner, 'uid-1/relax');
    const self = { owner: 'uid-1/relax', machine: 'boot/pid:[1]', pid: 7, startTicks: '99' };
    const { redisMs } = await redisRenew(redis, keys, 'c-0')(session('i1', self), 15_000, undefined);
    expect(await look()).toEqual({
      scopeOwner: 'uid-1/relax',
      holder: { incarnation: 'i1', state: 'up', ...self },
      renewedAt: String(redisMs),
    });
  });

  it.each([
    ['an earlier version', { incarnation: 'i1', state: 'up' }, 'i1'],
    ['a later version', { incarnation: 'i1', state: 'resting', pid: 'a1', owner: { uid: 'x' } }, 'i1'],
    ['nobody knows whom', { pod: 'c-0' }, undefined],
  ])('reads the session of %s', async (_name, written, incarnation) => {
    await redis.set(keys.session('c-0'), JSON.stringify(written));
    expect((await look()).holder?.incarnation).toBe(incarnation);
  });
});

describe('the fleet contract', () => {
  it('is restored after a loss, and a conflict is a readiness reason until it ends', async () => {
    const watch = new ContractWatch(redis, DEFAULT_CONTRACT, silentLog);
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
