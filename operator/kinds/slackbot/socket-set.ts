import { botName, replicasOf, type SlackBotSpec } from '../../../core/api/slackbot.ts';
import type { SocketSet } from '../../plan/types.ts';

/** The part of a SlackBot that decides what is wanted of it; standalone mode makes uid, generation and age itself. */
export interface BotDocument {
  metadata: {
    uid: string;
    namespace: string;
    name: string;
    generation: number;
    /** RFC 3339 */
    creationTimestamp: string;
  };
  spec: SlackBotSpec;
}

/** The sockets that a bot with transport RTM wants. */
export function socketSetOf(bot: BotDocument, tokenDigest: string): SocketSet {
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
