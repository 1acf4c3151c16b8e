import { eventFilterOf } from '../../../core/api/event-selection.ts';
import { qualifiedName } from '../../../core/api/object-name.ts';
import { type SlackAppSpec, unknownTeamsOf } from '../../../core/api/slackapp.ts';
import { repliesOf } from '../../../core/api/spec-fields.ts';
import { appNameOf, splitCredentials } from '../../../core/protocol/app-credentials.ts';
import { type OwnerMetadata, RANK, type SocketOwner } from '../socket-owner.ts';

/** The part of a SlackApp that decides what is wanted of it; standalone mode makes uid, generation and age itself. */
export interface AppDocument {
  metadata: OwnerMetadata;
  spec: SlackAppSpec;
}

/** A SlackApp for the decisions about it. */
export function ownerOf(app: AppDocument): SocketOwner {
  const { metadata, spec } = app;
  const { generation } = metadata;
  return {
    kind: 'SlackApp',
    rank: RANK.app,
    metadata,
    isSuspended: spec.suspend === true,
    // A token need not say which app it is of.
    keysOf: ({ token }) => [...new Set([`app ${spec.appID}`, `app ${appNameOf(splitCredentials(token).appToken)}`])],
    wantOf: ({ token, digest }) => ({
      kind: 'run',
      bot: {
        set: {
          ownerUid: metadata.uid,
          bot: qualifiedName(app),
          kind: 'app',
          appID: spec.appID,
          replies: repliesOf(spec),
          delayedEvents: spec.delayedEvents ?? false,
          unknownTeams: unknownTeamsOf(spec),
          replicas: spec.replicas,
          generation,
          queueNamespace: spec.queueNamespace ?? '',
          events: eventFilterOf(spec),
          tokenDigest: digest,
        },
        token,
      },
    }),
    suspendedWant: () => ({ kind: 'stop', why: 'suspended', generation }),
  };
}
