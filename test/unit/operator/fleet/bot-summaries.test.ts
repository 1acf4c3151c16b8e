import { expect, it } from 'vitest';
import type { Redis } from '#core/redis/redis.ts';
import { BotSummaries } from '#operator/fleet/bot-summaries.ts';
import { summaryOf } from '#test/unit/core/protocol/summaries.ts';

it('lines of bots in a namespace that could not be listed stay, whoever wrote them, until it is', async () => {
  const stored = new Map(['good/a', 'good/gone', 'bad/b'].map((bot) => [bot, JSON.stringify(summaryOf({ bot }))]));
  const redis = {
    hgetall: async () => Object.fromEntries(stored),
    hset: async (_key: string, uid: string, json: string) => void stored.set(uid, json),
    hdel: async (_key: string, ...uids: string[]) => uids.map((uid) => stored.delete(uid)).length,
  } as unknown as Redis;
  const summaries = new BotSummaries(redis, 'bots');
  const ours = new Map([['good/a', summaryOf({ bot: 'good/a' })]]);
  await summaries.put(ours, new Set(['bad']));
  expect([...stored.keys()]).toEqual(['good/a', 'bad/b']);
  await summaries.put(ours, new Set());
  expect([...stored.keys()]).toEqual(['good/a']);
});
