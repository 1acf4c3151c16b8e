import { describe, expect, it } from 'vitest';
import type { BudgetAnswer, ConnectBudget, ConnectPurpose } from '#connector/budget/connect-budget.ts';
import { redisConnectBudget } from '#connector/budget/redis-connect-budget.ts';
import { appBudgetKey, appSocketsKey } from '#core/protocol/keys.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { passTime } from './pass-time.ts';

const BUCKET = { key: appBudgetKey('A1'), sockets: appSocketsKey('A1') };

const server = useRedis({ emptied: true });
const redis = server.useClient();
const budget = redisConnectBudget(redis, 'p1', 'east');
/** Another process of the same cluster. */
const second = redisConnectBudget(redis, 'p2', 'east');

interface Ask {
  purpose?: ConnectPurpose;
  from?: ConnectBudget;
  sparing?: boolean;
}
const take = (
  slotID: string,
  { purpose = 'needed', from = budget, sparing = false }: Ask = {},
): Promise<BudgetAnswer> => from.take(BUCKET, purpose, { slotID, unspaced: false, sparing });
const hello = (slotID: string, from = budget, slackCounts?: number): Promise<number | undefined> =>
  from.markLive(BUCKET, slotID, slackCounts);
const pass = (ms: number): Promise<void> => passTime(redis, BUCKET, ms);
const places = (): Promise<string[]> => redis.zrange(BUCKET.sockets, '0', '-1');
const about = (ms: number) => expect.toSatisfy((value: number) => value > ms - 2_000 && value <= ms + 100);

const GRANTED = { granted: true };
const YIELDS = { granted: false, yields: true, waitMs: expect.toSatisfy((ms: number) => ms > 0 && ms <= 500) };
const FULL = { granted: false, full: true, waitMs: about(15_000) };
const waits = (ms: number) => ({ granted: false, yields: false, waitMs: about(ms) });

/** Opens a socket for each, with a full bucket afterwards. */
async function open(...slotIDs: string[]): Promise<void> {
  for (const slotID of slotIDs) {
    expect(await take(slotID)).toEqual(GRANTED);
    await hello(slotID);
    await redis.hset(BUCKET.key, 'calls', 6);
  }
}
const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `a/${n}`);
const leave = (calls: number): Promise<number> => redis.hset(BUCKET.key, 'calls', calls);

describe('the connects of an app', () => {
  it('are six at once and then one every 3 s', async () => {
    for (let n = 0; n < 6; n += 1) {
      expect(await take('a/0')).toEqual(GRANTED);
      await budget.hold(BUCKET, 0);
    }
    expect(await take('a/0')).toEqual(waits(3_000));
    await pass(3_000);
    expect(await take('a/0')).toEqual(GRANTED);
  });

  it('are shared by all clusters, and every app has its own', async () => {
    const west = redisConnectBudget(redis, 'p9', 'west');
    await open('a/0');
    await leave(1);
    expect(await take('b/0', { from: west })).toEqual(waits(3_000));
    const other = { key: appBudgetKey('A2'), sockets: appSocketsKey('A2') };
    expect(await west.take(other, 'needed')).toEqual(GRANTED);
  });

  it('stop for everyone after a 429, for as long as Slack says, and then there is one', async () => {
    await open('a/0');
    await budget.block(BUCKET, 58_000);
    expect(await take('a/0', { purpose: 'refresh' })).toEqual(waits(58_000));
    await pass(58_100);
    expect(await take('a/0', { purpose: 'refresh' })).toEqual(GRANTED);
    await hello('a/0');
    expect(await take('a/0', { purpose: 'refresh' })).toEqual(waits(3_000));
  });

  it('wait as long as a server asked, five minutes at most, and are not used up', async () => {
    await open('a/0');
    await budget.hold(BUCKET, 1e12);
    expect(await take('a/0')).toEqual(waits(300_000));
    await pass(300_100);
    for (let n = 0; n < 6; n += 1) {
      expect(await take('a/0')).toEqual(GRANTED);
      await hello('a/0');
    }
  });

  it('are given back when they did not reach Slack', async () => {
    for (let n = 0; n < 20; n += 1) {
      expect(await take('a/0')).toEqual(GRANTED);
      await budget.giveBack(BUCKET, 'a/0');
    }
  });

  it('are not held up by a probe that was refused, which nobody repeats soon', async () => {
    await open('a/0');
    await leave(1);
    expect(await take('a/1', { sparing: true })).toMatchObject({ granted: false, yields: true });
    await leave(6);
    expect(await take('a/2')).toEqual(GRANTED);
  });

  it('are not all spent on probing whether Slack is still down, nor on a token that it refuses', async () => {
    await leave(2);
    expect(await take('a/0', { sparing: true })).toEqual(GRANTED);
    await budget.hold(BUCKET, 0);
    expect(await take('a/0', { sparing: true })).toMatchObject({ granted: false, yields: true });
    expect(await take('a/0', { purpose: 'recheck' })).toEqual(waits(3_000));
    expect(await take('a/1')).toEqual(GRANTED);
  });

  it('take up no memory when nobody needs them: both keys go', async () => {
    await take('a/0');
    await hello('a/0');
    expect(await redis.pttl(BUCKET.sockets)).toEqual(about(661_000));
    await budget.release(BUCKET, 'a/0');
    expect(await redis.exists(BUCKET.sockets)).toBe(0);
    expect(await redis.pttl(BUCKET.key)).toEqual(about(4_000));
  });
});

describe('one connect of an app at a time', () => {
  it.each<ConnectPurpose>(['needed', 'refresh', 'spread', 'recheck', 'rebalance'])(
    '%s waits while another is under way',
    async (purpose) => {
      await take('a/0');
      await leave(6);
      expect(await take('a/1', { purpose })).toEqual(YIELDS);
    },
  );

  it.each<[end: string, act: () => Promise<unknown>]>([
    ['hello', () => hello('a/0')],
    ['a connect that did not reach Slack', () => budget.giveBack(BUCKET, 'a/0')],
    ['a wait that Slack asked for', () => budget.hold(BUCKET, 0)],
    ['a slot that ends', () => budget.release(BUCKET, 'a/0')],
    ['15 s without any news', () => pass(15_100)],
  ])('is over with %s', async (_end, act) => {
    await take('a/0');
    expect(await take('a/1')).toEqual(YIELDS);
    await act();
    expect(await take('a/1')).toEqual(GRANTED);
  });

  it('is not ended by what others report', async () => {
    await open('a/1');
    await take('a/0');
    await hello('a/1');
    await budget.giveBack(BUCKET, 'a/1');
    await second.release(BUCKET, 'a/0');
    expect(await take('a/2')).toEqual(YIELDS);
  });

  it('that failed lets the next one go first, even if it tries again at once', async () => {
    await take('a/0');
    expect(await take('a/1')).toEqual(YIELDS);
    expect(await take('a/0')).toEqual(YIELDS);
    expect(await take('a/1')).toEqual(GRANTED);
    expect(await take('a/0')).toEqual(YIELDS);
  });

  it('is not waited for when the one whose turn it is has gone', async () => {
    await take('a/0');
    expect(await take('a/1')).toEqual(YIELDS);
    await hello('a/0');
    expect(await take('a/2')).toEqual(YIELDS);
    await pass(5_100);
    expect(await take('a/2')).toEqual(GRANTED);
  });

  it('is not waited for because the clock of a new primary is hours behind', async () => {
    await open('a/0');
    await take('a/1');
    expect(await take('a/2')).toEqual(YIELDS);
    await pass(-7_200_000);
    expect(await take('a/3')).toEqual(GRANTED);
  });
});

describe('who goes first', () => {
  it('an app without a live socket has the last connect; with one, that is kept for the socket that Slack will close', async () => {
    await leave(1);
    expect(await take('a/0')).toEqual(GRANTED);
    await hello('a/0');
    await leave(1);
    expect(await take('a/1')).toEqual(waits(3_000));
    expect(await take('a/0', { purpose: 'refresh' })).toEqual(GRANTED);
  });

  it('the socket that Slack will close goes before those that are missing, spread and rebalanced', async () => {
    await open('a/0', 'a/1');
    await take('a/2');
    await leave(6);
    expect(await take('a/3')).toEqual(YIELDS);
    expect(await take('a/1', { purpose: 'refresh' })).toEqual(YIELDS);
    await hello('a/2');
    await leave(6);
    for (const purpose of ['needed', 'spread', 'rebalance'] as const) {
      expect(await take('a/3', { purpose })).toEqual(YIELDS);
    }
    expect(await take('a/1', { purpose: 'refresh' })).toEqual(GRANTED);
  });

  it('four sockets that Slack will close at the same time all find a connect, one after the other', async () => {
    const slots = names(4);
    await open(...slots);
    const left = new Set(slots);
    let asked = 0;
    for (; left.size > 0 && asked < 40; asked += 1) {
      for (const slotID of left) {
        if (!(await take(slotID, { purpose: 'refresh' })).granted) continue;
        await hello(slotID);
        left.delete(slotID);
      }
    }
    expect([...left]).toEqual([]);
    // Within 10 s, when each asks twice a second.
    expect(asked).toBeLessThan(8);
  });

  it('a socket that Slack will close finds a connect within the 10 s that it has left, however many were made before', async () => {
    await open(...names(4));
    await leave(0);
    expect(await take('a/0', { purpose: 'refresh' })).toEqual(waits(3_000));
    await pass(3_000);
    expect(await take('a/0', { purpose: 'refresh' })).toEqual(GRANTED);
  });

  it('a missing socket goes before a move, and a move for balance needs a full bucket', async () => {
    await open('a/0');
    await take('a/1');
    expect(await take('a/2')).toEqual(YIELDS);
    await hello('a/1');
    expect(await take('a/0', { purpose: 'spread' })).toEqual(YIELDS);
    expect(await take('a/2')).toEqual(GRANTED);
    await hello('a/2');
    expect(await take('a/0', { purpose: 'rebalance' })).toEqual(waits(6_000));
    expect(await take('a/0', { purpose: 'spread' })).toEqual(GRANTED);
  });
});

describe('the places of an app', () => {
  it('are nine for all clusters together: a tenth slot is told so and spends nothing', async () => {
    const west = redisConnectBudget(redis, 'p9', 'west');
    await open(...names(5));
    for (const slotID of ['w/0', 'w/1', 'w/2', 'w/3']) {
      expect(await take(slotID, { from: west })).toEqual(GRANTED);
      await hello(slotID, west);
      await leave(6);
    }
    expect(await take('w/4', { from: west })).toMatchObject(FULL);
    expect(await take('a/5')).toMatchObject(FULL);
    expect(await places()).toHaveLength(9);
    await west.release(BUCKET, 'w/3');
    expect(await take('a/5')).toEqual(GRANTED);
  });

  it('belong to slots by cluster: the same slot name of two clusters is two', async () => {
    const west = redisConnectBudget(redis, 'p9', 'west');
    await open('a/0');
    expect(await hello('a/0', west)).toBe(2);
    expect(await places()).toEqual(['east/a/0', 'west/a/0']);
  });

  it('let a slot that has one replace its socket, although all are taken', async () => {
    await open(...names(9));
    expect(await take('a/3', { purpose: 'refresh' })).toEqual(GRANTED);
    expect(await hello('a/3')).toBe(9);
  });

  it('let a slot move to another pod, although all are taken, and the old pod then frees nothing', async () => {
    await open(...names(9));
    expect(await take('a/3', { from: second })).toEqual(GRANTED);
    await hello('a/3', second);
    await budget.release(BUCKET, 'a/3');
    expect(await places()).toHaveLength(9);
    await leave(6);
    expect(await take('a/9')).toMatchObject(FULL);
    await second.release(BUCKET, 'a/3');
    expect(await take('a/9')).toEqual(GRANTED);
  });

  it('stay with the old pod when the new one fails and gives up', async () => {
    await open('a/0');
    await take('a/0', { from: second });
    await second.release(BUCKET, 'a/0');
    await pass(61_000);
    expect(await hello('a/1')).toBe(2);
  });

  it('are kept by an attempt of the new pod that is under way when the old one ends', async () => {
    await open('a/0');
    await take('a/0', { from: second });
    await budget.release(BUCKET, 'a/0');
    expect(await places()).toEqual(['east/a/0']);
  });

  it('are found again by slots whose pods were killed', async () => {
    await open(...names(9));
    for (const slotID of names(9)) {
      expect(await take(slotID, { from: second })).toEqual(GRANTED);
      await hello(slotID, second);
      await leave(6);
    }
    expect(await places()).toHaveLength(9);
  });

  it('are kept by a live socket for 11 minutes after it was last marked', async () => {
    await open(...names(9));
    await pass(600_000);
    expect(await take('b/0')).toMatchObject(FULL);
    await hello('a/0');
    await pass(60_100);
    expect(await take('b/0')).toEqual(GRANTED);
    expect(await places()).toEqual(['east/b/0', 'east/a/0']);
  });

  it('are kept by an attempt that failed for a minute only, even if the slot had a socket before', async () => {
    await open('a/0');
    expect(await take('a/0')).toEqual(GRANTED);
    await pass(60_100);
    expect(await hello('a/1')).toBe(1);
  });

  it('are not held for hours because the clock of a new primary is behind', async () => {
    await open(...names(9));
    await pass(-7_200_000);
    expect(await take('b/0')).toMatchObject(FULL);
    await pass(661_000);
    expect(await take('b/0')).toEqual(GRANTED);
  });

  it('count as live for no longer than ever after that', async () => {
    await open('a/0');
    await pass(-7_200_000);
    expect(await budget.isLive(BUCKET)).toBe(true);
    await pass(661_000);
    expect(await budget.isLive(BUCKET)).toBe(false);
  });

  it('are taken without asking by a socket that was opened while Redis was away', async () => {
    expect(await hello('a/0')).toBe(1);
    expect(await places()).toEqual(['east/a/0']);
  });
});

describe('the sockets that Relax knows', () => {
  it('are one for each slot, and one more while two pods run the same slot', async () => {
    await open('a/0', 'a/1');
    expect(await hello('a/0')).toBe(2);
    expect(await hello('a/0', second)).toBe(3);
    await budget.release(BUCKET, 'a/0');
    expect(await hello('a/0', second)).toBe(2);
  });

  it('include attempts, which may have a socket already', async () => {
    await open('a/0');
    await take('a/1');
    expect(await hello('a/0')).toBe(2);
  });
});

describe('sockets that Slack counts and Relax does not know', () => {
  it('leave less room for new slots, for 10 minutes', async () => {
    await open('a/0', 'a/1');
    // Two of ours and seven of somebody else's.
    expect(await hello('a/1', budget, 10)).toBe(2);
    expect(await take('a/2')).toMatchObject(FULL);
    expect(await take('a/0', { purpose: 'refresh' })).toEqual(GRANTED);
    await hello('a/0');
    await pass(600_100);
    expect(await take('a/2')).toEqual(GRANTED);
  });

  it('are counted anew at each hello that says how many there are', async () => {
    await open('a/0');
    await take('a/1');
    await hello('a/1', budget, 10);
    expect(await take('a/2')).toMatchObject(FULL);
    await take('a/0', { purpose: 'refresh' });
    await hello('a/0', budget, 3);
    expect(await take('a/2')).toEqual(GRANTED);
  });

  it.each([
    ['in the same pod', budget],
    ['in another pod', second],
  ])('are not those that a slot replaces %s: both count until the earlier one is closed', async (_where, from) => {
    await open(...names(8));
    await hello('a/1', from, 9);
    expect(await take('a/8')).toEqual(GRANTED);
  });

  it('do not keep a live socket from being replaced, although Redis was emptied and knows neither', async () => {
    await open(...names(8));
    await redis.flushall();
    expect(await take('a/0', { purpose: 'refresh' })).toEqual(GRANTED);
    expect(await hello('a/0', budget, 9)).toBe(1);
    expect(await take('a/1', { purpose: 'refresh' })).toEqual(GRANTED);
    expect(await take('a/8')).toMatchObject(FULL);
  });

  it('do not keep an app without a live socket from trying', async () => {
    await open('a/0');
    await hello('a/0', budget, 12);
    expect(await take('a/1')).toMatchObject(FULL);
    await take('a/0');
    await budget.giveBack(BUCKET, 'a/0');
    expect(await take('a/1')).toEqual(GRANTED);
  });
});

describe('a live socket of an app', () => {
  it('is known to everyone until its slot asks for another or ends, or for some minutes', async () => {
    expect(await budget.isLive(BUCKET)).toBe(false);
    await open('a/0');
    expect(await second.isLive(BUCKET)).toBe(true);
    await take('a/0', { purpose: 'refresh' });
    expect(await second.isLive(BUCKET)).toBe(true);
    await pass(661_000);
    expect(await second.isLive(BUCKET)).toBe(false);
    await hello('a/0');
    await budget.release(BUCKET, 'a/0');
    expect(await second.isLive(BUCKET)).toBe(false);
  });
});

it('the budget of an app says so when Redis has another type under its keys', async () => {
  await redis.set(BUCKET.sockets, 'of another type');
  await expect(take('a/0')).rejects.toThrow('WRONGTYPE');
});
