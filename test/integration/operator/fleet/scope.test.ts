import { isDeepStrictEqual } from 'node:util';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { type BotSummary, botSummarySchema } from '#core/protocol/bot-summary.ts';
import { BotSummaries } from '#operator/fleet/bot-summaries.ts';
import { claimScope, ScopeOwnedError } from '#operator/fleet/scope-owner.ts';
import { useRedis } from '#test/support/redis-fixture.ts';
import { waitFor } from '#test/support/wait.ts';
import { keys } from './planner-fleet.ts';

const redis = useRedis({ emptied: true }).useClient();

describe('A cluster scope', () => {
  const claim = (owner: string, takeOver = false): Promise<void> =>
    claimScope(redis, keys, { cluster: 'c', owner, takeOver });

  it('belongs to the first that claims it, forever and across restarts', async () => {
    await claim('one');
    await claim('one');
    expect([await redis.get(keys.owner), await redis.ttl(keys.owner)]).toEqual(['one', -1]);
  });

  it('is refused to another, with both owners and the remedies named', async () => {
    await claim('one');
    const error: unknown = await claim('two').catch((refused: unknown) => refused);
    expect(error).toBeInstanceOf(ScopeOwnedError);
    for (const words of ['one', 'two', 'RELAX_CLUSTER', '--take-over']) expect(String(error)).toContain(words);
    expect(await redis.get(keys.owner)).toBe('one');
  });

  it('is distinguished from a second installation in the same Kubernetes cluster', async () => {
    await claim('uid-1/relax');
    await expect(claim('uid-1/relax-2')).rejects.toThrow(
      /belongs to uid-1\/relax, but this is uid-1\/relax-2.*RELAX_CLUSTER/,
    );
    expect(await redis.get(keys.owner)).toBe('uid-1/relax');
  });

  it('that an earlier version claimed by less of its name stays its own, under the whole', async () => {
    await claim('uid-1');
    await claim('uid-1/relax');
    expect(await redis.get(keys.owner)).toBe('uid-1/relax');
    await expect(claim('uid-1/relax-2')).rejects.toThrow(ScopeOwnedError);
  });

  it('may be taken over', async () => {
    await claim('one');
    await claim('two', true);
    await expect(claim('one')).rejects.toThrow(ScopeOwnedError);
  });
});

describe('Summaries of bots', () => {
  const summary = (live: number): BotSummary => ({
    bot: 'bots/a',
    teamID: 'T1',
    teamName: '',
    desired: 2,
    live,
    zones: [],
    ready: live > 0,
    reason: 'Connected',
    message: '',
  });
  const stored = async (): Promise<[string, number][]> =>
    Object.entries(await redis.hgetall(keys.bots))
      .map(([uid, json]): [string, number] => [uid, botSummarySchema.parse(JSON.parse(json)).live])
      .sort();

  it('are written where they differ, and go with their bots, those of an earlier process included', async () => {
    await redis.hset(keys.bots, 'old', '{}');
    let [leads, asked] = [true, 0];
    const summaries = new BotSummaries({
      redis,
      key: keys.bots,
      leads: () => {
        asked += 1;
        return leads;
      },
      log: pino({ level: 'silent' }),
      everyMs: 5,
    });
    const expectStored = (expected: readonly [string, number][]) =>
      waitFor(async () => isDeepStrictEqual(await stored(), expected), { what: JSON.stringify(expected) });
    summaries.set('a', summary(1));
    summaries.set('b', summary(2));
    summaries.start();
    try {
      await expectStored([
        ['a', 1],
        ['b', 2],
      ]);
      // Nobody writes a second time what is there already.
      await redis.hset(keys.bots, 'a', JSON.stringify(summary(7)));
      summaries.set('b', undefined);
      summaries.set('c', summary(3));
      await expectStored([
        ['a', 7],
        ['c', 3],
      ]);
      leads = false;
      summaries.set('c', undefined);
      const askedAt = asked;
      await waitFor(() => asked > askedAt, { what: 'asked while another leads' });
      leads = true;
      await expectStored([['a', 1]]);
    } finally {
      await summaries.stop();
    }
  });
});
