import type { BotSummary } from '../../core/protocol/bot-summary.ts';

interface Counted {
  total: number;
  ready: number;
}

/** Sums over lines of bots and apps. A bot that an app carries has no sockets of its own. Pure. */
export function totalsOf(lines: Iterable<BotSummary>): { apps: Counted; bots: Counted; live: number; desired: number } {
  const sums = { apps: { total: 0, ready: 0 }, bots: { total: 0, ready: 0 }, live: 0, desired: 0 };
  for (const { app, appID, ready, live, desired } of lines) {
    const kind = appID === undefined ? sums.bots : sums.apps;
    kind.total += 1;
    kind.ready += Number(ready);
    if (app !== undefined) continue;
    sums.live += live;
    sums.desired += desired;
  }
  return sums;
}
