import type { SocketModeSpec } from '#connector/transport/socket-mode/socket-mode-spec.ts';

/** A slot of a bot with an app of its own, for tests. */
export const socketModeSpec: SocketModeSpec = {
  kind: 'socketMode',
  slotID: 'uid-1/0',
  ownerUid: 'uid-1',
  bot: 'bots/acme',
  teamID: 'T1',
  generation: 1,
  queueNamespace: '',
  events: { include: [], exclude: [], own: false },
  token: 'xapp-1-A01-123-abc',
  tokenDigest: 'd1',
  rebalance: false,
  replies: true,
  delayedEvents: false,
};
