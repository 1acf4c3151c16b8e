import { z } from 'zod';
import { CREDENTIALS_LABEL } from './api-group.ts';
import { conditionSchema } from './condition.ts';
import { celValidations } from './slackbot-rules.ts';

/**
 * The SlackBot resource. This file is the one definition: the CRD in crds/, its reference in docs/crd.md and the
 * reader of standalone mode are all made from it (`npm run generate`). Rules over several fields: slackbot-rules.ts.
 *
 * Descriptions are what `kubectl explain` prints. Every string and list is bounded, or the API server refuses the CEL
 * rules as too costly. Metadata that starts with `x-kubernetes-` goes into the CRD as it is; `codeDefault` names a
 * default that the programs apply, for the reference: a default in the schema would be set where a rule forbids it.
 */
export const FINALIZER = 'relax.dev/sockets';

const DEFAULT_REPLICAS = 2;

/** The key of each credential in the Secret unless `credentials.keys` says otherwise. */
const DEFAULT_SECRET_KEYS = {
  token: 'token',
  appToken: 'app-token',
  refreshToken: 'refresh-token',
  clientID: 'client-id',
  clientSecret: 'client-secret',
} as const;
type SecretKeys = Record<keyof typeof DEFAULT_SECRET_KEYS, string>;

/** RFC 1123 subdomain: what Kubernetes takes as the name of an object (k8s.io/apimachinery/pkg/util/validation). */
export const NAME_PATTERN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
export const NAME_REMEDY =
  "must be lower case letters, digits, '-' and '.', beginning and ending with a letter or digit";
/** What Kubernetes takes as a key in a Secret; `.` and `..` aside. */
export const SECRET_KEY_PATTERN = /^[-._a-zA-Z0-9]+$/;
export const SECRET_KEY_REMEDY = "must be letters, digits, '-', '_' and '.'";

const objectName = z.string().regex(NAME_PATTERN, NAME_REMEDY).min(1).max(253);

const secretKey = (field: keyof SecretKeys, what: string) =>
  z
    .string()
    .regex(SECRET_KEY_PATTERN, SECRET_KEY_REMEDY)
    .min(1)
    .max(253)
    .optional()
    .meta({ description: `Key of ${what}.`, codeDefault: DEFAULT_SECRET_KEYS[field] });

const eventTypes = z
  .array(
    z
      .string()
      .regex(/^[a-z][a-z0-9_.]*$/, "must be an event type such as message_new: lower case letters, digits, '_' and '.'")
      .min(1)
      .max(64),
  )
  .max(100)
  .optional();

const credentials = z.object({
  secretRef: z
    .object({ name: objectName.meta({ description: 'Name of the Secret.' }) })
    .meta({ description: 'The Secret, in the namespace of the SlackBot.', 'x-kubernetes-map-type': 'atomic' }),
  keys: z
    .object({
      token: secretKey('token', 'the bot token (xoxb-...)'),
      appToken: secretKey('appToken', 'the app-level token (xapp-...), for transport SocketMode'),
      refreshToken: secretKey('refreshToken', 'the refresh token (xoxe-...), if the app rotates its tokens'),
      clientID: secretKey('clientID', "the app's client id, to refresh a rotating token"),
      clientSecret: secretKey('clientSecret', "the app's client secret, to refresh a rotating token"),
    })
    .optional()
    .meta({ description: 'Names of the keys in the Secret, where they differ from the defaults.' }),
});

const specFields = z.object({
  teamID: z
    .string()
    .regex(/^[TE][A-Z0-9]{2,}$/, "must be Slack's id of the team, such as T024BE7LH (auth.test returns it as team_id)")
    .max(32)
    .meta({
      description:
        "Slack's id of the workspace (T...) or enterprise (E...). Immutable. A token of a different team opens no socket: " +
        'condition CredentialsValid=False, reason TeamMismatch.',
    }),
  transport: z
    .enum(['RTM', 'SocketMode', 'App'])
    .default('RTM')
    .meta({
      description:
        'How events arrive. RTM: one or more websockets for this team, each receiving every event (classic Slack apps). ' +
        'SocketMode: websockets of an app that belongs to this team alone. App: the websockets of the SlackApp named in ' +
        'appRef, which serves many teams. SocketMode and App are not supported yet; a condition says so.',
    }),
  credentials: credentials.optional().meta({
    description: `Where the tokens are. Required unless transport is App. If the Secret has the label ${CREDENTIALS_LABEL}=true, a changed token takes effect within 10 seconds; otherwise within 5 minutes.`,
  }),
  appRef: z
    .object({ name: objectName.meta({ description: 'Name of the SlackApp.' }) })
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
        'Number of websockets for this team in this cluster, at most one per connector pod, spread over zones. Each receives ' +
        "every event; one copy reaches the queue. Not used with transport App, where the SlackApp's replicas apply.",
      codeDefault: DEFAULT_REPLICAS,
    }),
  suspend: z.boolean().optional().meta({
    description: 'If true, the sockets are closed and everything else is kept; Ready is False with reason Suspended.',
    codeDefault: false,
  }),
  queueNamespace: z
    .string()
    .regex(/^[A-Za-z0-9._:@/+-]*$/, 'must be letters, digits and . _ : @ / + - (it is not a Kubernetes namespace)')
    .max(128)
    .optional()
    .meta({
      description:
        'Value of the field `namespace` in queue items, so that consumers that share a queue can tell their bots apart. It is ' +
        'not a Kubernetes namespace. If absent, the field is empty.',
    }),
  events: z
    .object({
      include: eventTypes.meta({
        description: 'Event types to queue, as in the field `type` of queue items. All of them if absent or empty.',
        'x-kubernetes-list-type': 'atomic',
      }),
      exclude: eventTypes.meta({
        description: 'Event types not to queue. None of them may also be in include.',
        'x-kubernetes-list-type': 'atomic',
      }),
      own: z.boolean().optional().meta({
        description: 'If true, plain messages written by the bot itself are queued too.',
        codeDefault: false,
      }),
    })
    .optional()
    .meta({ description: 'Which events reach the queue. Filtered events are counted and acknowledged.' }),
});
export type SlackBotSpec = z.infer<typeof specFields>;

export const slackBotSpecSchema = specFields.meta({
  description: 'Desired state of the bot.',
  'x-kubernetes-validations': celValidations,
});

const connectionSchema = z.object({
  pod: z.string().max(253).meta({ description: 'The connector pod.' }),
  zone: z.string().max(253).meta({ description: 'Its zone; empty if unknown.' }),
  since: z.string().max(64).meta({ description: 'When the socket was assigned to the pod.', format: 'date-time' }),
});

export const slackBotStatusSchema = z
  .object({
    observedGeneration: z.int().exactOptional().meta({
      description: 'The metadata.generation that this status is about.',
      format: 'int64',
    }),
    conditions: z
      .array(conditionSchema)
      .max(32)
      .exactOptional()
      .meta({
        description: 'State of the bot. Ready is the summary: credentials valid and at least one live socket.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
      }),
    desiredConnections: z.int().min(0).exactOptional().meta({ description: 'Number of sockets wanted.' }),
    liveConnections: z.int().min(0).exactOptional().meta({ description: 'Number of sockets that are live.' }),
    connectionSummary: z
      .string()
      .max(32)
      .exactOptional()
      .meta({ description: 'Number of live and of wanted sockets, such as 2/2.' }),
    connections: z
      .array(connectionSchema)
      .max(64)
      .exactOptional()
      .meta({ description: 'Where the sockets are.', 'x-kubernetes-list-type': 'atomic' }),
    teamName: z.string().max(1024).exactOptional().meta({ description: 'Name of the team, as Slack reports it.' }),
    botUserID: z.string().max(64).exactOptional().meta({ description: "Id of the bot's user, as Slack reports it." }),
  })
  .meta({
    description: 'Observed state of the bot. Written by the operator when something changes, never as a heartbeat.',
  });
export type SlackBotStatus = z.infer<typeof slackBotStatusSchema>;

export interface SlackBot {
  apiVersion: string;
  kind: 'SlackBot';
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    generation: number;
    resourceVersion?: string;
    creationTimestamp: string;
    deletionTimestamp?: string;
    finalizers?: string[];
  };
  spec: SlackBotSpec;
  status?: SlackBotStatus;
}

/** "namespace/name", as in queue items, slots and logs. */
export const botName = (bot: { metadata: { namespace: string; name: string } }): string =>
  `${bot.metadata.namespace}/${bot.metadata.name}`;

/** Sockets wanted for the bot itself in this cluster; none with App, where the SlackApp holds them. */
export const replicasOf = (spec: SlackBotSpec): number =>
  spec.transport === 'App' ? 0 : (spec.replicas ?? DEFAULT_REPLICAS);

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
