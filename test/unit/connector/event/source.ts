import type { EventSource, RefusedBot } from '#connector/event/event-source.ts';

export const RECEIVED_AT_MS = Date.UTC(2026, 10, 24, 8, 30, 15, 250);

/** A bot for tests; change what the test is about. */
export const sourceOf = (changes: Partial<EventSource & RefusedBot> = {}): EventSource & RefusedBot => ({
  cluster: 'c1',
  ownerUid: 'uid-1',
  bot: 'bots/acme',
  generation: 1,
  teamID: 'TDEADBEEF',
  slackTeamID: 'TDEADBEEF',
  botUserID: 'UBOT',
  queueNamespace: '',
  events: { include: [], exclude: [], own: false },
  tokenDigest: 'd'.repeat(32),
  ...changes,
});
