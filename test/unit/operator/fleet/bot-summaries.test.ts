import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BotSummary } from '#core/protocol/bot-summary.ts';
import type { Redis } from '#core/redis/redis.ts';
import { BotSummaries } from '#operator/fleet/bot-summaries.ts';
import { waitFor } from '#test/support/wait.ts';
import { summaryOf } from '#test/unit/core/protocol/summaries.ts';

const summary = (bot: string): BotSummary => summaryOf({ bot });

/** A hash in memory, and what was asked of it. */
class FakeRedis {
  readonly stored = new Map<string, string>();
  reads = 0;
  writes = 0;
  fails = false;

  async hgetall(): Promise<Record<string, string>> {
    this.reads += 1;
    return Object.fromEntries(this.stored);
  }

  async hlen(): Promise<number> {
    return this.stored.size;
  }

  async hset(_key: string, fields: Record<string, string>): Promise<void> {
    this.writes += 1;
    if (this.fails) throw new Error('Redis is away');
    for (const [uid, json] of Object.entries(fields)) this.stored.set(uid, json);
  }

  async hdel(_key: string, ...uids: string[]): Promise<void> {
    for (const uid of uids) this.stored.delete(uid);
  }
}

describe('the summaries for relax status', () => {
  let redis: FakeRedis;
  let leads: boolean;
  let asked: number;
  let unlisted: ReadonlySet<string>;
  let summaries: BotSummaries;

  beforeEach(() => {
    redis = new FakeRedis();
    [leads, asked, unlisted] = [true, 0, new Set()];
    summaries = new BotSummaries({
      redis: redis as unknown as Redis,
      key: 'bots',
      leads: () => {
        asked += 1;
        return leads;
      },
      unlisted: () => unlisted,
      log: pino({ level: 'silent' }),
      everyMs: 2,
      recheckMs: 20,
    });
  });
  afterEach(() => summaries.stop());

  const uids = (): string[] => [...redis.stored.keys()];
  const untilStored = (...expected: string[]) =>
    waitFor(() => uids().join() === expected.join(), { what: `stored: ${expected.join()}` });

  it('are written by the one that plans, after a change, a failure, or a loss', async () => {
    leads = false;
    summaries.set('a', summary('bots/a'));
    summaries.start();
    await waitFor(() => asked > 2, { what: 'asked' });
    expect(redis.writes).toBe(0);
    leads = true;
    await untilStored('a');
    redis.fails = true;
    summaries.set('b', summary('bots/b'));
    const failedAt = redis.writes;
    await waitFor(() => redis.writes > failedAt + 1, { what: 'tried again' });
    redis.fails = false;
    await untilStored('a', 'b');
    redis.stored.clear();
    await untilStored('a', 'b');
    summaries.set('a', undefined);
    await untilStored('b');
  });

  it('stay in Redis for bots of a namespace that could not be listed, whoever wrote them, until it is', async () => {
    for (const bot of ['good/a', 'good/gone', 'bad/b']) redis.stored.set(bot, JSON.stringify(summary(bot)));
    unlisted = new Set(['bad']);
    summaries.set('good/a', summary('good/a'));
    summaries.start();
    await untilStored('good/a', 'bad/b');
    unlisted = new Set();
    summaries.set('good/a', summary('good/a'));
    await untilStored('good/a');
  });

  it('are read again before anything is written when another planner has planned in between', async () => {
    summaries.set('a', summary('bots/a'));
    summaries.start();
    await untilStored('a');
    leads = false;
    const askedAt = asked;
    await waitFor(() => asked > askedAt + 1, { what: 'asked' });
    redis.stored.set('a', JSON.stringify(summary('bots/renamed')));
    const readsBefore = redis.reads;
    leads = true;
    await waitFor(() => redis.stored.get('a') === JSON.stringify(summary('bots/a')), { what: 'written again' });
    expect(redis.reads).toBe(readsBefore + 1);
  });
});
