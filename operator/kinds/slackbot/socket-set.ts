import { botName, replicasOf, type SlackBotSpec } from '../../../core/api/slackbot.ts';
import type { SocketSet } from '../../plan/types.ts';

/** As much of a SlackBot as its sockets need; standalone mode makes uid and generation itself. */
export interface BotIdentity {
  metadata: { uid: string; namespace: string; name: string; generation: number };
  spec: SlackBotSpec;
}

/** The sockets that a bot with transport RTM wants. */
export function socketSetOf(bot: BotIdentity, tokenDigest: string): SocketSet {
  const { metadata, spec } = bot;
  return {
    ownerUid: metadata.uid,
    bot: botName(bot),
    kind: 'rtm',
    teamID: spec.teamID,
    replicas: replicasOf(spec),
    generation: metadata.generation,
    queueNamespace: spec.queueNamespace ?? '',
    events: {
      include: spec.events?.include ?? [],
      exclude: spec.events?.exclude ?? [],
      own: spec.events?.own ?? false,
    },
    tokenDigest,
  };
}
