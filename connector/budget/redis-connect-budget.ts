/** The connect budget in Redis (design rule 11); its numbers are in connect-budget.ts, its decisions in the scripts. */

import type { Redis } from '../../core/redis/redis.ts';
import { loadScript, runScript } from '../../core/redis/script.ts';
import {
  APP_BUDGET,
  BUDGET,
  type Bucket,
  type BudgetAnswer,
  type BudgetAsker,
  type ConnectBudget,
  type ConnectPurpose,
  TEAM_BUDGET,
} from './connect-budget.ts';

const fileOf = (name: string): URL => new URL(`./${name}.lua`, import.meta.url);
const TEAM_SCRIPT = loadScript(fileOf('connect-bucket'), fileOf('connect-budget'));
const APP_SCRIPT = loadScript(fileOf('connect-bucket'), fileOf('app-connect-budget'));

/** Times further ahead were set before Redis's clock went back. */
const LONGEST = [BUDGET.maxBlockMs, BUDGET.liveMs];

/** One call of a script. */
interface Call extends Partial<BudgetAsker> {
  what: ConnectPurpose | 'giveBack' | 'block' | 'hold' | 'live' | 'release' | 'anyLive';
  forMs?: number;
  slackCounts?: number | undefined;
}

/**
 * The budget of design rule 11, by Redis time, in a hash that goes when the bucket is full again and no socket is live.
 * @param holder names this process, so that a slot which runs elsewhere as well is not taken for this one
 * @param cluster with it a slot is the same in every process: placed again, it finds its place among the app's sockets
 */
export function redisConnectBudget(redis: Redis, holder = '', cluster = ''): ConnectBudget {
  /** What both scripts are told. @param slot as the bucket names it, within a process */
  const shared = ({ what, forMs = 0, sparing = false }: Call, slot: string, capacity: number, refillMs: number) => {
    return [what, capacity, refillMs, forMs, `${holder}/${slot}`, sparing ? 1 : 0];
  };
  const runTeam = (key: string, call: Call): Promise<unknown> => {
    const { capacity, refillMs, firstGapMs, nextGapMs, arrivesMs } = TEAM_BUDGET;
    const args = shared(call, call.slotID ?? '', capacity, refillMs);
    return runScript(
      redis,
      TEAM_SCRIPT,
      [key],
      [...args, call.unspaced === true ? 1 : 0, firstGapMs, nextGapMs, arrivesMs, ...LONGEST],
    );
  };
  const runApp = (key: string, sockets: string, call: Call): Promise<unknown> => {
    const { capacity, refillMs, places, attemptMs, openingMs, turnMs, fullMs, unknownMs } = APP_BUDGET;
    const place = `${cluster}/${call.slotID ?? ''}`;
    const args = shared(call, place, capacity, refillMs);
    const times = [attemptMs, openingMs, turnMs, fullMs];
    return runScript(
      redis,
      APP_SCRIPT,
      [key, sockets],
      [...args, place, places, ...times, call.slackCounts ?? '', unknownMs, ...LONGEST],
    );
  };
  const run = ({ key, sockets }: Bucket, call: Call): Promise<unknown> =>
    sockets === undefined ? runTeam(key, call) : runApp(key, sockets, call);
  const bounded = (forMs: number): number => Math.ceil(Math.min(Math.max(0, forMs), BUDGET.maxBlockMs));
  return {
    async take(bucket, purpose, asker) {
      return answerOf(await run(bucket, { what: purpose, forMs: BUDGET.urgentMs, ...asker }));
    },
    async giveBack(bucket, slotID) {
      await run(bucket, { what: 'giveBack', slotID });
    },
    async block(bucket, forMs) {
      await run(bucket, { what: 'block', forMs: bounded(forMs) });
    },
    async hold(bucket, forMs) {
      await run(bucket, { what: 'hold', forMs: bounded(forMs) });
    },
    async markLive(bucket, slotID, slackCounts) {
      const known = await run(bucket, { what: 'live', forMs: BUDGET.liveMs, slotID, slackCounts });
      return typeof known === 'number' ? known : undefined;
    },
    async release(bucket, slotID) {
      // Of RTM the number of sockets is not limited.
      if (bucket.sockets !== undefined) await run(bucket, { what: 'release', slotID });
    },
    async isLive(bucket) {
      return (await run(bucket, { what: 'anyLive' })) === 1;
    },
  };
}

function answerOf(reply: unknown): BudgetAnswer {
  const [granted, waitMs, yields, full]: unknown[] = Array.isArray(reply) ? reply : [];
  if (granted === 1) return { granted: true };
  if (typeof waitMs !== 'number') throw new Error('the connect budget script gave an answer of another shape');
  return { granted: false, waitMs, yields: yields === 1, ...(full === 1 ? { full: true } : {}) };
}
