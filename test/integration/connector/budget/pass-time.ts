import type { Bucket } from '#connector/budget/connect-budget.ts';
import type { TestRedis } from '#test/support/redis-fixture.ts';

const isTime = (field: string): boolean => field.endsWith('Ms') || field.startsWith('live:');

/** Changes a bucket as if so much time had passed; negative: as if the clock of Redis had been put back. */
export async function passTime(redis: TestRedis, { key, sockets }: Bucket, ms: number): Promise<void> {
  const changes = redis.pipeline();
  for (const [field, value] of Object.entries(await redis.hgetall(key))) {
    if (isTime(field)) changes.hset(key, field, Number(value) - ms);
  }
  const places = sockets === undefined ? [] : await redis.zrange(sockets, '0', '-1');
  for (const place of places) changes.zincrby(sockets ?? '', -ms, place);
  await changes.exec();
}
