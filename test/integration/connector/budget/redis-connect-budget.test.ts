import { describe, expect, it } from 'vitest';
import { type BudgetAnswer, type ConnectPurpose, TEAM_BUDGET } from '#connector/budget/connect-budget.ts';
import { redisConnectBudget } from '#connector/budget/redis-connect-budget.ts';
import { connectBudgetKey } from '#core/protocol/keys.ts';
import { useRedis } from '#test/support/redis-fixture.ts';

const KEY = connectBudgetKey('T1', 'd1');
const BUCKET = { key: KEY };
/** What is waited beyond the moment at which a call comes back. */
const ARRIVAL_MS = TEAM_BUDGET.arrivesMs;

const server = useRedis({ emptied: true });
const redis = server.useClient();
const budget = redisConnectBudget(redis);

const take = (purpose: ConnectPurpose = 'needed', slotID = 'a/0', unspaced = false): Promise<BudgetAnswer> =>
  budget.take(BUCKET, purpose, { slotID, unspaced, sparing: false });
const hello = (slotID = 'a/0'): Promise<unknown> => budget.markLive(BUCKET, slotID);
const waitOf = (answer: BudgetAnswer): number => (answer.granted ? 0 : answer.waitMs);
const about = (ms: number) => expect.toSatisfy((value: number) => value > ms - 2_000 && value <= ms + 100);

/** As if so much time had passed. */
async function pass(ms: number): Promise<void> {
  const times = ['atMs', 'blockedMs', 'urgentMs', 'lastMs'];
  for (const [field, value] of Object.entries(await redis.hgetall(KEY))) {
    if (times.includes(field) || field.startsWith('live:')) await redis.hset(KEY, field, Number(value) - ms);
  }
}
/** Takes all, each followed by a hello. */
async function empty(): Promise<void> {
  for (let n = 0; n < 3; n += 1) {
    expect((await take()).granted).toBe(true);
    await hello();
  }
}

describe('the connect budget of a token', () => {
  it('grants three connects at once and then one a minute', async () => {
    await empty();
    expect(waitOf(await take())).toEqual(about(ARRIVAL_MS + 60_000));
    await pass(30_000);
    expect(waitOf(await take())).toEqual(about(ARRIVAL_MS + 30_000));
    await pass(31_000);
    expect((await take()).granted).toBe(true);
    await hello();
    expect((await take()).granted).toBe(false);
    await pass(3_600_000);
    await empty();
    expect((await take()).granted).toBe(false);
  });

  it('lets nobody call so exactly on time that Slack, which got the call before late, gets this one too early', async () => {
    await empty();
    const waitMs = waitOf(await take());
    expect(waitMs).toBeGreaterThan(60_000 + 1_900);
    // Only who waits is late: a call that is there is made at once.
    await pass(60_000);
    expect((await take()).granted).toBe(true);
  });

  it('is shared by all who ask at the same moment, from any cluster', async () => {
    const other = await server.connect();
    const budgets = [budget, redisConnectBudget(other)];
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => budgets[n % 2]?.take(BUCKET, 'refresh') ?? take()),
    );
    expect(answers.filter(({ granted }) => granted)).toHaveLength(3);
  });

  it('belongs to one token of one team: another token or team has its own', async () => {
    await empty();
    expect((await budget.take({ key: connectBudgetKey('T1', 'd2') }, 'needed')).granted).toBe(true);
    expect((await budget.take({ key: connectBudgetKey('T2', 'd1') }, 'needed')).granted).toBe(true);
  });

  it('disappears from Redis when it is full again', async () => {
    await take('refresh');
    expect(await redis.pttl(KEY)).toEqual(about(61_000));
    await take('refresh');
    await take('refresh');
    await take('refresh');
    expect(await redis.pttl(KEY)).toEqual(about(181_000));
  });

  it('keeps a refresh waiting while a slot without a socket waits', async () => {
    await empty();
    await take();
    await pass(61_000);
    expect(waitOf(await take('refresh'))).toBeGreaterThan(0);
    expect((await take()).granted).toBe(true);
    await hello();
    await pass(65_000);
    expect((await take('refresh')).granted).toBe(true);
  });

  it('grants a move that restores the spread over zones its one connect, after slots without a socket', async () => {
    for (const slotID of ['a/0', 'a/1']) {
      await take('needed', slotID);
      await hello(slotID);
    }
    expect((await take('spread')).granted).toBe(true);
    expect(waitOf(await take('spread'))).toEqual(about(ARRIVAL_MS + 60_000));
    expect((await take('needed')).granted).toBe(false);
    await pass(61_000);
    expect(waitOf(await take('spread'))).toBeGreaterThan(0);
    expect((await take('needed')).granted).toBe(true);
  });

  it('grants a move for balance only from a full bucket', async () => {
    expect((await take('refresh')).granted).toBe(true);
    expect(waitOf(await take('rebalance'))).toEqual(about(ARRIVAL_MS + 60_000));
    expect((await take('needed')).granted).toBe(true);
    await pass(121_000);
    expect((await take('rebalance')).granted).toBe(true);
  });

  it('is empty for everyone after a 429, for as long as Slack says, and then grants one connect', async () => {
    await take();
    await budget.block(BUCKET, 58_000);
    expect(waitOf(await take())).toEqual(about(58_000));
    await budget.block(BUCKET, 1_000);
    expect(waitOf(await take())).toEqual(about(58_000));
    await pass(58_100);
    expect((await take()).granted).toBe(true);
    expect((await take()).granted).toBe(false);
    expect(await redis.pttl(KEY)).toBeLessThan(240_000);
  });

  it('gains no connect from a 429 without a wait', async () => {
    await empty();
    await budget.block(BUCKET, 0);
    expect((await take()).granted).toBe(false);
  });

  it('is blocked for five minutes at most', async () => {
    await budget.block(BUCKET, 1e12);
    expect(waitOf(await take())).toEqual(about(300_000));
  });

  it('does not refill, and nothing worse, while the clock of a new primary is behind', async () => {
    await empty();
    await pass(-7_200_000);
    expect(waitOf(await take())).toEqual(about(ARRIVAL_MS + 60_000));
  });

  it('is blocked for five minutes at most, and counts no dead socket for longer than ever, after the clock of Redis went back', async () => {
    await budget.block(BUCKET, 30_000);
    await hello('a/1');
    await pass(-7_200_000);
    expect(waitOf(await take())).toEqual(about(300_000));
    expect(await budget.isLive(BUCKET)).toBe(true);
    await pass(661_000);
    expect(await budget.isLive(BUCKET)).toBe(false);
    expect((await take()).granted).toBe(true);
  });

  it('keeps a slot that will lose its socket waiting for nobody whose need was of a clock that was ahead', async () => {
    await empty();
    await take();
    await pass(60_000 - 7_200_000);
    await budget.markLive(BUCKET, 'a/1');
    await pass(61_000);
    expect((await take('refresh', 'a/1')).granted).toBe(true);
  });

  it('works after Redis has lost its scripts, and says so when it is away', async () => {
    await take('refresh');
    await redis.script('FLUSH');
    expect((await take()).granted).toBe(true);
    await redis.set(KEY, 'of another type');
    await expect(take()).rejects.toThrow('WRONGTYPE');
  });
});

describe('the last connects of a team without a socket', () => {
  const waitsAndWho = async (slotID: string): Promise<unknown> => {
    const answer = await take('needed', slotID);
    return answer.granted ? 'granted' : { ms: answer.waitMs, yields: answer.yields };
  };

  it('are spaced by 10 s and 22 s, so that the third is within 10 s of the end of an outage of 30 s', async () => {
    expect(await waitsAndWho('a/0')).toBe('granted');
    expect(await waitsAndWho('a/0')).toEqual({ ms: about(10_000), yields: false });
    await pass(10_000);
    expect(await waitsAndWho('a/0')).toBe('granted');
    expect(await waitsAndWho('a/0')).toEqual({ ms: about(22_000), yields: false });
    await pass(22_000);
    expect(await waitsAndWho('a/0')).toBe('granted');
  });

  it('go to one slot at a time: the others wait until its socket is live', async () => {
    expect(await waitsAndWho('a/0')).toBe('granted');
    expect(await waitsAndWho('a/1')).toEqual({ ms: about(10_000), yields: true });
    await hello('a/0');
    expect(await waitsAndWho('a/1')).toBe('granted');
    expect(await waitsAndWho('a/2')).toEqual({ ms: about(10_000), yields: true });
  });

  it('are not held up by a slot whose pod is gone: its turn expires', async () => {
    expect(await waitsAndWho('a/0')).toBe('granted');
    await pass(10_000);
    expect(await waitsAndWho('a/1')).toBe('granted');
  });

  it('are not spaced once Slack is known to be healthy, except after a connect that may be under way', async () => {
    expect((await take('needed', 'a/0')).granted).toBe(true);
    expect((await take('needed', 'a/0', true)).granted).toBe(true);
    expect(await take('needed', 'a/1', true)).toMatchObject({ granted: false, yields: true, waitMs: about(10_000) });
  });

  it('are given back when they did not reach Slack', async () => {
    for (let n = 0; n < 10; n += 1) {
      expect(await waitsAndWho(`a/${n % 2}`)).toBe('granted');
      await budget.giveBack(BUCKET, `a/${n % 2}`);
    }
    await empty();
    for (let n = 0; n < 10; n += 1) await budget.giveBack(BUCKET, 'a/0');
    await empty();
    expect((await take()).granted).toBe(false);
  });

  it('are not spent on probing whether Slack is still down', async () => {
    const probe = (slotID: string): Promise<BudgetAnswer> =>
      budget.take(BUCKET, 'needed', { slotID, unspaced: true, sparing: true });
    for (let n = 0; n < 2; n += 1) expect((await probe('a/0')).granted).toBe(true);
    expect(await probe('a/0')).toMatchObject({ granted: false, yields: true });
    expect((await take('needed', 'a/0', true)).granted).toBe(true);
    expect(await probe('a/0')).toMatchObject({ granted: false, yields: false });
  });

  it('are not spent on probing by one replica after the other', async () => {
    const probe = (slotID: string): Promise<BudgetAnswer> =>
      budget.take(BUCKET, 'needed', { slotID, unspaced: true, sparing: true });
    expect((await probe('a/0')).granted).toBe(true);
    await pass(60_000);
    expect(await probe('a/1')).toMatchObject({ granted: false, yields: true });
    // What did not reach Slack says nothing about who probes.
    await budget.giveBack(BUCKET, 'a/0');
    expect((await probe('a/1')).granted).toBe(true);
    await hello('a/1');
    await pass(60_000);
    expect((await probe('a/0')).granted).toBe(true);
  });

  it('are not spent on a token that Slack has refused', async () => {
    expect((await take('recheck')).granted).toBe(true);
    expect((await take('recheck')).granted).toBe(true);
    expect(waitOf(await take('recheck'))).toEqual(about(ARRIVAL_MS + 60_000));
    expect(await waitsAndWho('a/1')).toBe('granted');
  });

  it('wait as long as a server asked, at most five minutes, and are not used up', async () => {
    await budget.hold(BUCKET, 20_000);
    expect(await waitsAndWho('a/0')).toEqual({ ms: about(20_000), yields: false });
    await pass(20_000);
    await empty();
    await budget.hold(BUCKET, 1e12);
    expect(waitOf(await take())).toEqual(about(300_000));
  });
});

describe('a live socket', () => {
  const isLive = (): Promise<boolean> => budget.isLive(BUCKET);

  it('is known to everyone until its slot asks for another, or for a few minutes', async () => {
    expect(await isLive()).toBe(false);
    const other = redisConnectBudget(redis, 'another process');
    await other.markLive(BUCKET, 'a/0');
    await hello('a/0');
    await take('needed', 'a/0');
    expect(await isLive()).toBe(true);
    await other.take(BUCKET, 'refresh', { slotID: 'a/0', unspaced: false, sparing: false });
    expect(await isLive()).toBe(true);
    await other.take(BUCKET, 'needed', { slotID: 'a/0', unspaced: false, sparing: false });
    expect(await isLive()).toBe(false);
    await hello('a/0');
    await pass(661_000);
    expect(await isLive()).toBe(false);
  });

  it('that is marked again and again keeps the key alive and adds nothing to it', async () => {
    await hello();
    await hello();
    expect(await redis.pttl(KEY)).toEqual(about(661_000));
    await empty();
  });
});
