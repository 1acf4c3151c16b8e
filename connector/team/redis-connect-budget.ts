import { connectBudgetKey } from '../../core/keys.ts';
import type { Redis } from '../../core/redis.ts';
import { loadScript, runScript } from '../../core/script.ts';
import type { ConnectBudget } from './connect-budget.ts';

/** "No more than 1 per minute, with some bursting" (docs.slack.dev/apis/web-api/rate-limits); the burst is our guess. */
const CAPACITY = 3;
const REFILL_MS = 60_000;
/** A slot that needs a connect asks again when it is due, give or take its jitter; it must still be first then. */
const URGENT_MS = 5_000;
/** Longest block that a mistaken Retry-After may cause. */
const MOST_BLOCK_MS = 3_600_000;

const SCRIPT = loadScript(new URL('./connect-budget.lua', import.meta.url));

/** The budget of design rule 11, by Redis time, in a hash that goes when the bucket is full again. */
export function redisConnectBudget(redis: Redis): ConnectBudget {
  const run = (teamID: string, tokenDigest: string, what: string, forMs: number): Promise<unknown> =>
    runScript(redis, SCRIPT, [connectBudgetKey(teamID, tokenDigest)], [what, CAPACITY, REFILL_MS, forMs]);
  return {
    async take(teamID, tokenDigest, purpose) {
      const reply = await run(teamID, tokenDigest, purpose, URGENT_MS);
      const [granted, waitMs]: unknown[] = Array.isArray(reply) ? reply : [];
      if (granted === 1) return { granted: true };
      if (typeof waitMs !== 'number') throw new Error('the connect budget script gave an answer of another shape');
      return { granted: false, waitMs };
    },
    async block(teamID, tokenDigest, forMs) {
      await run(teamID, tokenDigest, 'block', Math.ceil(Math.min(Math.max(0, forMs), MOST_BLOCK_MS)));
    },
  };
}
