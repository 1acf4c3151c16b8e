import type { BotSummary } from '#core/protocol/bot-summary.ts';

/** A bot with two live sockets, as relax status shows it; change what the test is about. */
export const summaryOf = (changes: Partial<BotSummary> = {}): BotSummary => ({
  bot: 'bots/acme',
  teamID: 'T1',
  teamName: '',
  desired: 2,
  live: 2,
  zones: ['a'],
  ready: true,
  reason: 'Live',
  message: '',
  ...changes,
});
