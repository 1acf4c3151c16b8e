import { describe, expect, it } from 'vitest';
import { type PlannerLock, SingleRedisPlannerLock } from '#operator/fleet/planner-lock.ts';
import { Redlocked } from '#operator/fleet/redis-lock.ts';
import { connectTo, useRedis } from '#test/support/redis-fixture.ts';
import { startRedis } from '#test/support/redis-server.ts';
import { TestClock } from './planner-fleet.ts';

const KEY = 'lock';
const redis = useRedis({ emptied: true }).useClient();

describe.each([
  ['redlock', Redlocked],
  ['the fallback', SingleRedisPlannerLock],
])('The planner lock by %s', (_name, Lock) => {
  const make = (ttlMs = 5_000, clock = new TestClock()): PlannerLock => new Lock(redis, KEY, ttlMs, clock);

  it('is held by one, whose value is in Redis with a TTL', async () => {
    const [first, second] = [make(), make()];
    expect(await first.acquire()).toBe(true);
    expect(await second.acquire()).toBe(false);
    expect(first.value()).toBe(await redis.get(KEY));
    expect(second.value()).toBe(undefined);
    const leftMs = await redis.pttl(KEY);
    expect(leftMs > 4_000 && leftMs <= 5_000).toBe(true);
  });

  it('is extended under the same value', async () => {
    const lock = make(2_000);
    await lock.acquire();
    const value = lock.value();
    await redis.pexpire(KEY, 500);
    expect(await lock.extend()).toBe(true);
    expect(await redis.pttl(KEY)).toBeGreaterThan(1_000);
    expect(lock.value()).toBe(value);
  });

  it('ends by our own clock before Redis ends it', async () => {
    const clock = new TestClock();
    const lock = make(5_000, clock);
    await lock.acquire();
    clock.advance(4_800);
    expect(lock.value()).toBe(undefined);
    expect(await redis.exists(KEY)).toBe(1);
    expect(await lock.extend()).toBe(false);
  });

  it.each([
    ['gone', () => redis.flushall()],
    ['taken by another', () => redis.set(KEY, 'other')],
  ])('that is %s is not extended, and may be acquired when free', async (_how, lose) => {
    const lock = make();
    await lock.acquire();
    await lose();
    expect(await lock.extend()).toBe(false);
    expect(lock.value()).toBe(undefined);
    const free = (await redis.exists(KEY)) === 0;
    expect(await lock.acquire()).toBe(free);
    expect((await redis.get(KEY)) === 'other').toBe(!free);
  });

  it('that is released is free at once, but never takes that of another with it', async () => {
    const [first, second] = [make(), make()];
    await first.acquire();
    await first.release();
    expect(first.value()).toBe(undefined);
    expect(await second.acquire()).toBe(true);
    await first.release();
    expect(await redis.get(KEY)).toBe(second.value());
  });

  it('distinguishes an unavailable Redis from a lock that another holds, and stays ours until our deadline', async () => {
    const own = await startRedis();
    const client = await connectTo(own);
    const clock = new TestClock();
    const lock: PlannerLock = new Lock(client, KEY, 5_000, clock);
    try {
      await lock.acquire();
      await own.kill();
      await expect(lock.extend()).rejects.toThrow();
      await expect(new Lock(client, KEY, 5_000, clock).acquire()).rejects.toThrow();
      expect(lock.value()).not.toBe(undefined);
      clock.advance(5_000);
      expect(lock.value()).toBe(undefined);
      await lock.release();
    } finally {
      client.disconnect();
      await own.stop();
    }
  });
});
