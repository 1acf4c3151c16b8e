/** The connect budget in Redis (design rule 11); its numbers are in connect-budget.ts, its decisions in connect-budget.lua. */

import type { Redis } from '../../core/redis/redis.ts';
import { loadScript, runScript } from '../../core/redis/script.ts';
import { BUDGET, type Bucket, type BudgetAsker, type ConnectBudget } from './connect-budget.ts';

const SCRIPT = loadScript(new URL('./connect-budget.lua', import.meta.url));

/**
 * The budget of design rule 11, by Redis time, in a hash that goes when the bucket is full again.
 * @param holder names this process, so that a slot which runs elsewhere as well is not taken for this one
 */
export function redisConnectBudget(redis: Redis, holder = ''): ConnectBudget {
  const run = ({ key }: Bucket, what: string, forMs: number, asker: Partial<BudgetAsker> = {}) => {
    const { slotID = '', unspaced = false, sparing = false } = asker;
    const who = [`${holder}/${slotID}`, unspaced ? 1 : 0, BUDGET.firstGapMs, BUDGET.nextGapMs, sparing ? 1 : 0];
    return runScript(redis, SCRIPT, [key], [what, BUDGET.capacity, BUDGET.refillMs, forMs, ...who]);
  };
  const bounded = (forMs: number): number => Math.ceil(Math.min(Math.max(0, forMs), BUDGET.maxBlockMs));
  return {
    async take(bucket, purpose, asker) {
      const reply = await run(bucket, purpose, BUDGET.urgentMs, asker);
      const [granted, waitMs, yields]: unknown[] = Array.isArray(reply) ? reply : [];
      if (granted === 1) return { granted: true };
      if (typeof waitMs !== 'number') throw new Error('the connect budget script gave an answer of another shape');
      return { granted: false, waitMs, yields: yields === 1 };
    },
    async giveBack(bucket, slotID) {
      await run(bucket, 'giveBack', 0, { slotID });
    },
    async block(bucket, forMs) {
      await run(bucket, 'block', bounded(forMs));
    },
    async hold(bucket, forMs) {
      await run(bucket, 'hold', bounded(forMs));
    },
    async markLive(bucket, slotID) {
      await run(bucket, 'live', BUDGET.liveMs, { slotID });
      return undefined;
    },
    // No bucket of RTM has a limited number of sockets.
    async release() {},
    async isLive(bucket) {
      return (await run(bucket, 'anyLive', 0)) === 1;
    },
  };
}
