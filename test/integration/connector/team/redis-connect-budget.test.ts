import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BudgetAnswer, ConnectBudget, ConnectPurpose } from '../../../../connector/team/connect-budget.ts';
import { redisConnectBudget } from '../../../../connector/team/redis-connect-budget.ts';
import { connectBudgetKey } from '../../../../core/keys.ts';
import type { Redis } from '../../../../core/redis.ts';
import { type RedisServer, startRedis } from '../../../support/redis-server.ts';
import { connect } from '../queue/fleet.ts';

const KEY = connectBudgetKey('T1', 'd1');

let server: RedisServer;
let redis: Redis;
let budget: ConnectBudget;
beforeAll(async () => {
  server = await startRedis();
  redis = await connect(server);
  budget = redisConnectBudget(redis);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(() => redis.flushall());

const take = (purpose: ConnectPurpose = 'needed'): Promise<BudgetAnswer> => budget.take('T1', 'd1', purpose);
const waitOf = (answer: BudgetAnswer): number => (answer.granted ? 0 : answer.waitMs);
const about = (ms: number) => expect.toSatisfy((value: number) => value > ms - 2_000 && value <= ms + 100);

/** As if so much time had passed. */
async function pass(ms: number): Promise<void> {
  for (const field of ['atMs', 'blockedMs', 'urgentMs']) {
    await redis.hset(KEY, field, Number(await redis.hget(KEY, field)) - ms);
  }
}
async function empty(): Promise<void> {
  for (let n = 0; n < 3; n += 1) expect((await take()).granted).toBe(true);
}

describe('the connect budget of a token', () => {
  it('has three at once and one a minute', async () => {
    await empty();
    expect(waitOf(await take())).toEqual(about(60_000));
    await pass(30_000);
    expect(waitOf(await take())).toEqual(about(30_000));
    await pass(31_000);
    expect((await take()).granted).toBe(true);
    expect((await take()).granted).toBe(false);
    await pass(3_600_000);
    await empty();
    expect((await take()).granted).toBe(false);
  });

  it('is one for all who ask at the same moment, from whatever cluster', async () => {
    const other = await connect(server);
    const budgets = [budget, redisConnectBudget(other)];
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => budgets[n % 2]?.take('T1', 'd1', 'needed') ?? take()),
    );
    expect(answers.filter(({ granted }) => granted)).toHaveLength(3);
    other.disconnect();
  });

  it('is its own: another token or team has another', async () => {
    await empty();
    expect((await budget.take('T1', 'd2', 'needed')).granted).toBe(true);
    expect((await budget.take('T2', 'd1', 'needed')).granted).toBe(true);
  });

  it('goes from Redis when it is full again', async () => {
    await take();
    expect(await redis.pttl(KEY)).toEqual(about(61_000));
    await take();
    await take();
    await take();
    expect(await redis.pttl(KEY)).toEqual(about(181_000));
  });

  it('keeps a refresh waiting while a slot without a socket waits', async () => {
    await empty();
    await take();
    await pass(61_000);
    expect(waitOf(await take('refresh'))).toBeGreaterThan(0);
    expect((await take()).granted).toBe(true);
    await pass(65_000);
    expect((await take('refresh')).granted).toBe(true);
  });

  it('gives a move that mends a spread the one connect that it needs, after whoever has no socket', async () => {
    await take();
    await take();
    expect((await take('spread')).granted).toBe(true);
    expect(waitOf(await take('spread'))).toEqual(about(60_000));
    expect((await take('needed')).granted).toBe(false);
    await pass(61_000);
    expect(waitOf(await take('spread'))).toBeGreaterThan(0);
    expect((await take('needed')).granted).toBe(true);
  });

  it('gives a move for balance only what nobody needs: a full bucket', async () => {
    expect((await take('refresh')).granted).toBe(true);
    expect(waitOf(await take('rebalance'))).toEqual(about(60_000));
    expect((await take('needed')).granted).toBe(true);
    await pass(121_000);
    expect((await take('rebalance')).granted).toBe(true);
  });

  it('is empty for everyone after a 429, for as long as Slack says, and then has one', async () => {
    await take();
    await budget.block('T1', 'd1', 58_000);
    expect(waitOf(await take())).toEqual(about(58_000));
    await budget.block('T1', 'd1', 1_000);
    expect(waitOf(await take())).toEqual(about(58_000));
    await pass(58_100);
    expect((await take()).granted).toBe(true);
    expect((await take()).granted).toBe(false);
    expect(await redis.pttl(KEY)).toBeLessThan(240_000);
  });

  it('gets nothing from a 429 that asks for no wait', async () => {
    await empty();
    await budget.block('T1', 'd1', 0);
    expect((await take()).granted).toBe(false);
  });

  it('is blocked for an hour at most', async () => {
    await budget.block('T1', 'd1', 1e12);
    expect(waitOf(await take())).toEqual(about(3_600_000));
  });

  it('stands still, no more, when the clock of a new primary is behind', async () => {
    await empty();
    await pass(-7_200_000);
    expect(waitOf(await take())).toEqual(about(60_000));
  });

  it('works after Redis has lost its scripts, and says so when it is away', async () => {
    await take();
    await redis.script('FLUSH');
    expect((await take()).granted).toBe(true);
    await redis.set(KEY, 'of another type');
    await expect(take()).rejects.toThrow('WRONGTYPE');
  });
});
