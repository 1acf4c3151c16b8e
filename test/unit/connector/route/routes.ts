import type { Route } from '#core/protocol/route.ts';

/** A route for tests. */
export const routeOf = (changes: Partial<Route> = {}): Route => ({
  ownerUid: 'bot-uid',
  bot: 'bots/acme',
  generation: 7,
  queueNamespace: 'acme',
  events: { include: ['message'], exclude: [], own: true },
  replies: 'wait',
  suspended: false,
  ...changes,
});
