import { eventFilterOf } from '../../../core/api/event-selection.ts';
import { botName, replicasOf, type SlackBotSpec } from '../../../core/api/slackbot.ts';
import { repliesOf } from '../../../core/api/spec-fields.ts';
import { appNameOf, splitCredentials } from '../../../core/protocol/app-credentials.ts';
import type { KindFields } from '../../../core/protocol/assignment.ts';
import type { Route } from '../../../core/protocol/route.ts';
import type { RoutedBot } from '../../fleet/desired.ts';
import { type OwnerMetadata, RANK, type SocketOwner } from '../socket-owner.ts';

/** The part of a SlackBot that decides what is wanted of it; standalone mode makes uid, generation and age itself. */
export interface BotDocument {
  metadata: OwnerMetadata;
  spec: SlackBotSpec;
}

/**
 * A SlackBot for the decisions about it.
 * @param appUid of the SlackApp that carries it; undefined without one, and while it is not known
 */
export function ownerOf(bot: BotDocument, appUid: string | undefined): SocketOwner {
  const { metadata, spec } = bot;
  const isSuspended = spec.suspend === true;
  const owner = { kind: 'SlackBot', rank: RANK.bot, metadata, isSuspended };
  const { generation } = metadata;
  const stop = { kind: 'stop', why: 'suspended', generation } as const;
  if (spec.transport === 'App') {
    return {
      ...owner,
      // The digest of a bot that an app carries is the app's uid.
      keysOf: ({ digest }) => [`route ${digest} ${spec.teamID}`],
      wantOf: ({ digest, routedToken }) => ({
        kind: 'route',
        ...rowOf(bot, digest),
        ...(routedToken !== undefined && { token: routedToken }),
      }),
      suspendedWant: () => (appUid === undefined ? stop : { ...stop, routed: rowOf(bot, appUid) }),
    };
  }
  return {
    ...owner,
    keysOf: ({ token, digest }) =>
      spec.transport === 'RTM' ? [`rtm ${spec.teamID} ${digest}`] : appKeysOf(token, spec.teamID),
    wantOf: ({ token, digest }) => ({
      kind: 'run',
      bot: {
        set: {
          ownerUid: metadata.uid,
          bot: botName(bot),
          ...kindFieldsOf(spec),
          replicas: replicasOf(spec),
          generation,
          queueNamespace: spec.queueNamespace ?? '',
          events: eventFilterOf(spec),
          tokenDigest: digest,
        },
        token,
      },
    }),
    suspendedWant: () => stop,
  };
}

/** Two bots of one app would each get a random part of its events, whatever their teams. */
function appKeysOf(credentials: string, teamID: string): string[] {
  const app = appNameOf(splitCredentials(credentials).appToken);
  return [`app ${app}`, `app ${app} ${teamID}`];
}

function kindFieldsOf(spec: SlackBotSpec): KindFields {
  const { teamID } = spec;
  if (spec.transport === 'RTM') return { kind: 'rtm', teamID };
  return { kind: 'socketMode', teamID, replies: repliesOf(spec), delayedEvents: spec.delayedEvents ?? false };
}

function rowOf(bot: BotDocument, appUid: string): RoutedBot {
  const { metadata, spec } = bot;
  const route: Route = {
    ownerUid: metadata.uid,
    bot: botName(bot),
    generation: metadata.generation,
    queueNamespace: spec.queueNamespace ?? '',
    events: eventFilterOf(spec),
    replies: repliesOf(spec),
    suspended: spec.suspend === true,
  };
  return { appUid, teamID: spec.teamID, route };
}
