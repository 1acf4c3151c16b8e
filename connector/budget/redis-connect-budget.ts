/** The connect budget in Redis: its size, refill and spacing (design rule 11). */

import type { Redis } from '../../core/redis/redis.ts';
import { loadScript, runScript } from '../../core/redis/script.ts';
import type { BudgetAsker, BudgetKey, ConnectBudget } from './connect-budget.ts';

/** "No more than 1 per minute, with some bursting" (docs.slack.dev/apis/web-api/rate-limits); the burst is our guess. */
const CAPACITY = 3;
const REFILL_MS = 60_000;
/** A slot that needs a connect asks again when one is due, give or take its jitter, and must still be first then. */
const URGENT_MS = 5_000;
/** The longest time that a Retry-After keeps everyone waiting; after that, somebody asks again. */
const MOST_BLOCK_MS = 300_000;
/** Gaps after the first failed connect and after each further one: with the backoff of about 1 s, three cover 40 s. */
const FIRST_GAP_MS = 10_000;
const NEXT_GAP_MS = 30_000;
/** More than twice the time after which a live socket is marked again (`MARK_MS`). */
const LIVE_MS = 660_000;

const SCRIPT = loadScript(new URL('./connect-budget.lua', import.meta.url));

/**
 * The budget of design rule 11, by Redis time, in a hash that goes when the bucket is full again.
 * @param holder names this process, so that a slot which runs elsewhere as well is not taken for this one
 */
export function redisConnectBudget(redis: Redis, holder = ''): ConnectBudget {
  const run = (key: BudgetKey, what: string, forMs: number, asker: Partial<BudgetAsker> = {}) => {
    const { slotID = '', unspaced = false, sparing = false } = asker;
    const who = [`${holder}/${slotID}`, unspaced ? 1 : 0, FIRST_GAP_MS, NEXT_GAP_MS, sparing ? 1 : 0];
    return runScript(redis, SCRIPT, [key], [what, CAPACITY, REFILL_MS, forMs, ...who]);
  };
  const bounded = (forMs: number): number => Math.ceil(Math.min(Math.max(0, forMs), MOST_BLOCK_MS));
  return {
    async take(key, purpose, asker) {
      const reply = await run(key, purpose, URGENT_MS, asker);
      const [granted, waitMs, yields]: unknown[] = Array.isArray(reply) ? reply : [];
      if (granted === 1) return { granted: true };
      if (typeof waitMs !== 'number') throw new Error('the connect budget script gave an answer of another shape');
      return { granted: false, waitMs, yields: yields === 1 };
    },
    async giveBack(key, slotID) {
      await run(key, 'giveBack', 0, { slotID });
    },
    async block(key, forMs) {
      await run(key, 'block', bounded(forMs));
    },
    async hold(key, forMs) {
      await run(key, 'hold', bounded(forMs));
    },
    async markLive(key, slotID) {
      await run(key, 'live', LIVE_MS, { slotID });
    },
    async isLive(key) {
      return (await run(key, 'anyLive', 0)) === 1;
    },
  };
}
