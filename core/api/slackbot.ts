import { z } from 'zod';
import { CREDENTIALS_LABEL } from './api-group.ts';
import type { ApiObject } from './api-object.ts';
import { eventSelectionSchema } from './event-selection.ts';
import {
  MAX_NAMESPACE_LENGTH,
  NAMESPACE_PATTERN,
  NAMESPACE_REMEDY,
  objectNameSchema,
  qualifiedName,
} from './object-name.ts';
import {
  DEFAULT_SECRET_KEYS,
  type Refresh,
  refreshField,
  type SecretKeys,
  secretKeySchema,
  secretSourceSchema,
} from './secret-source.ts';
import { SLACKBOT_RULES } from './slackbot-rules.ts';
import { socketStatusFields } from './socket-status.ts';
import {
  DEFAULT_REPLICAS,
  delayedEventsField,
  MAX_APP_REPLICAS,
  queueNamespaceField,
  repliesField,
  suspendField,
} from './spec-fields.ts';
import { celValidationsOf } from './spec-rule.ts';

/**
 * The SlackBot resource. This file is the one definition: the CRD in crds/, its reference in docs/crd.md and the
 * reader of standalone mode are all made from it (`npm run generate`). Rules over several fields: slackbot-rules.ts.
 *
 * Descriptions are what `kubectl explain` prints. Every string and list is bounded, or the API server refuses the CEL
 * rules as too costly. Metadata that starts with `x-kubernetes-` goes into the CRD as it is; `codeDefault` names a
 * default that the programs apply, for the reference: a default in the schema would be set where a rule forbids it.
 */
const credentials = secretSourceSchema('SlackBot', {
  token: secretKeySchema(
    'token',
    'the bot token (xoxb-...). Required with transport RTM. With SocketMode it may be absent; if it is there, it is checked ' +
      'to be of the same app and team. With App, where no event needs it, messages are sent with it',
  ),
  appToken: secretKeySchema(
    'appToken',
    'the app-level token (xapp-...) with the scope connections:write. Required with transport SocketMode',
  ),
  refreshToken: secretKeySchema(
    'refreshToken',
    'the refresh token (xoxe-...), if the app rotates its tokens. With it, clientID and clientSecret are needed, and the bot ' +
      'token is refreshed 2 hours before it expires',
  ),
  clientID: secretKeySchema('clientID', "the app's client id, to refresh a rotating token"),
  clientSecret: secretKeySchema('clientSecret', "the app's client secret, to refresh a rotating token"),
}).extend({ refresh: refreshField });

const specFields = z.object({
  teamID: z
    .string()
    .regex(/^[TE][A-Z0-9]{2,}$/, "must be Slack's id of the team, such as T024BE7LH (auth.test returns it as team_id)")
    .max(32)
    .meta({
      description:
        "Slack's id of the workspace (T...) or enterprise (E...). Immutable. A bot token of a different team opens no socket: " +
        'condition CredentialsValid=False, reason TeamMismatch.',
    }),
  transport: z
    .enum(['RTM', 'SocketMode', 'App'])
    .default('RTM')
    .meta({
      description:
        'How events arrive. RTM: one or more websockets for this team, each receiving every event (classic Slack apps). ' +
        'SocketMode: websockets of a Slack app that belongs to this team alone, which share its events. App: the websockets of ' +
        'the SlackApp named in appRef, which serves many teams.',
    }),
  credentials: credentials.optional().meta({
    description: `Where the tokens are. Required unless transport is App, where the SlackApp has the token for events, and this is the bot's own token, for messages; if it is wrong, CredentialsValid says so and events flow all the same. If the Secret has the label ${CREDENTIALS_LABEL}=true, a changed token takes effect within 10 seconds; otherwise within 5 minutes.`,
  }),
  appRef: z
    .object({
      name: objectNameSchema.meta({ description: 'Name of the SlackApp.' }),
      namespace: z
        .string()
        .regex(NAMESPACE_PATTERN, NAMESPACE_REMEDY)
        .min(1)
        .max(MAX_NAMESPACE_LENGTH)
        .optional()
        .meta({
          description:
            "Namespace of the SlackApp, whose allowedNamespaces must name this SlackBot's. If absent, it is the namespace of " +
            'the SlackBot.',
        }),
    })
    .optional()
    .meta({
      description: 'The SlackApp whose sockets carry this team. Required with transport App, forbidden otherwise.',
      'x-kubernetes-map-type': 'atomic',
    }),
  replicas: z
    .int()
    .min(1)
    .max(10)
    .optional()
    .meta({
      description:
        'Number of websockets for this team in this cluster, at most one per connector pod, spread over zones. With RTM each ' +
        'receives every event, and one copy reaches the queue; with SocketMode Slack sends each event to one of them, and ' +
        `${MAX_APP_REPLICAS} is the most. Not used with transport App, where the SlackApp's replicas apply.`,
      codeDefault: DEFAULT_REPLICAS,
    }),
  suspend: suspendField,
  queueNamespace: queueNamespaceField,
  replies: repliesField(' For transport SocketMode and App.'),
  delayedEvents: delayedEventsField(
    ' For transport SocketMode; with App it is a field of the SlackApp, and RTM has no delayed events.',
  ),
  events: eventSelectionSchema
    .optional()
    .meta({ description: 'Which events reach the queue. Filtered events are counted and acknowledged.' }),
});
export type SlackBotSpec = z.infer<typeof specFields>;

export const slackBotSpecSchema = specFields.meta({
  description: 'Desired state of the bot.',
  'x-kubernetes-validations': celValidationsOf(SLACKBOT_RULES),
});

export const slackBotStatusSchema = z
  .object({
    ...socketStatusFields('bot'),
    teamName: z.string().max(1024).exactOptional().meta({ description: 'Name of the team, as Slack reports it.' }),
    botUserID: z.string().max(64).exactOptional().meta({ description: "Id of the bot's user, as Slack reports it." }),
  })
  .meta({
    description:
      'Observed state of the bot; with transport App its sockets are those of its SlackApp. Written by the operator when ' +
      'something changes, never as a heartbeat.',
  });
export type SlackBotStatus = z.infer<typeof slackBotStatusSchema>;

export type SlackBot = ApiObject<'SlackBot', SlackBotSpec, SlackBotStatus>;

export const botName = qualifiedName;

/** Sockets wanted for the bot itself in this cluster; none with App, where the SlackApp holds them. */
export const replicasOf = (spec: SlackBotSpec): number =>
  spec.transport === 'App' ? 0 : (spec.replicas ?? DEFAULT_REPLICAS);

/** "namespace/name" of the SlackApp whose sockets carry the bot; undefined unless its transport is App. */
export function appRefOf({
  metadata,
  spec,
}: {
  metadata: { namespace: string };
  spec: SlackBotSpec;
}): string | undefined {
  if (spec.transport !== 'App' || spec.appRef === undefined) return undefined;
  return `${spec.appRef.namespace ?? metadata.namespace}/${spec.appRef.name}`;
}

export const refreshOf = (spec: SlackBotSpec): Refresh => spec.credentials?.refresh ?? 'Owner';

/** The key of each credential inside the bot's Secret. */
export const secretKeysOf = (spec: SlackBotSpec): SecretKeys => {
  const given = spec.credentials?.keys ?? {};
  return {
    token: given.token ?? DEFAULT_SECRET_KEYS.token,
    appToken: given.appToken ?? DEFAULT_SECRET_KEYS.appToken,
    refreshToken: given.refreshToken ?? DEFAULT_SECRET_KEYS.refreshToken,
    clientID: given.clientID ?? DEFAULT_SECRET_KEYS.clientID,
    clientSecret: given.clientSecret ?? DEFAULT_SECRET_KEYS.clientSecret,
  };
};
