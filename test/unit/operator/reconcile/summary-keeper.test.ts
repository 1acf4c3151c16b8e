import { afterEach, describe, expect, it } from 'vitest';
import type { BotSummary } from '#core/protocol/bot-summary.ts';
import { SummaryKeeper } from '#operator/reconcile/summary-keeper.ts';
import { silentLog } from '#test/support/silent-log.ts';
import { waitFor } from '#test/support/wait.ts';
import { summaryOf } from '#test/unit/core/protocol/summaries.ts';

describe('the lines of relax status', () => {
  let keeper: SummaryKeeper;
  afterEach(() => keeper.stop());

  it('are written by the one that plans, after a change, a failure, or a loss', async () => {
    let [leads, fails] = [false, false];
    let stored = new Map<string, BotSummary>();
    let [puts, asked] = [0, 0];
    const summaries = {
      put: async (lines: ReadonlyMap<string, BotSummary>) => {
        puts += 1;
        if (fails) throw new Error('Redis is away');
        stored = new Map(lines);
      },
      forgetWritten: () => undefined,
    };
    const isLeading = () => {
      asked += 1;
      return leads;
    };
    keeper = new SummaryKeeper({
      summaries,
      leads: isLeading,
      count: async () => stored.size,
      log: silentLog,
      everyMs: 2,
      recheckMs: 20,
    });
    keeper.set('a', summaryOf({ bot: 'bots/a' }));
    keeper.start();
    await waitFor(() => asked > 2, { what: 'asked' });
    expect(puts).toBe(0);
    leads = true;
    await waitFor(() => stored.size === 1, { what: 'written' });
    fails = true;
    keeper.set('b', summaryOf({ bot: 'bots/b' }));
    const failedAt = puts;
    await waitFor(() => puts > failedAt + 1, { what: 'tried again' });
    fails = false;
    await waitFor(() => stored.size === 2, { what: 'written after the failure' });
    stored.clear();
    await waitFor(() => stored.size === 2, { what: 'written after the loss' });
    keeper.set('a', undefined);
    await waitFor(() => stored.size === 1, { what: 'taken out' });
  });
});
