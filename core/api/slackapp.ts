import { z } from 'zod';
import { CREDENTIALS_LABEL } from './api-group.ts';
import type { ApiObject } from './api-object.ts';
import { eventSelectionSchema } from './event-selection.ts';
import { MAX_NAMESPACE_LENGTH, NAMESPACE_REMEDY } from './object-name.ts';
import { DEFAULT_SECRET_KEYS, secretKeySchema, secretSourceSchema } from './secret-source.ts';
import { SLACKAPP_RULES } from './slackapp-rules.ts';
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
 * The SlackApp resource: one distributed Slack app, whose few sockets carry the events of all its teams. The one definition,
 * as slackbot.ts is of a SlackBot. Rules over several fields: slackapp-rules.ts.
 */
const ALL_NAMESPACES = '*';

const specFields = z.object({
  appID: z
    .string()
    .regex(
      /^A[A-Z0-9]{2,}$/,
      'must be Slack\'s id of the app, such as A0123456789 (on the page "Basic Information" of the app\'s settings)',
    )
    .max(32)
    .meta({
      description:
        "Slack's id of the app (A...). Immutable. An app-level token of a different app opens no socket: condition " +
        'CredentialsValid=False, reason AppMismatch.',
    }),
  credentials: secretSourceSchema('SlackApp', {
    appToken: secretKeySchema('appToken', 'the app-level token (xapp-...) with the scope connections:write'),
  }).meta({
    description: `Where the app-level token is. If the Secret has the label ${CREDENTIALS_LABEL}=true, a changed token takes effect within 10 seconds; otherwise within 5 minutes.`,
  }),
  replicas: z
    .int()
    .min(2)
    .max(MAX_APP_REPLICAS)
    .default(DEFAULT_REPLICAS)
    .meta({
      description:
        'Number of websockets of the app in this cluster, at most one per connector pod, spread over zones. Slack sends each ' +
        'event to one of them, whatever its team, and allows an app ten of them in all clusters.',
    }),
  unknownTeams: z
    .enum(['Deliver', 'Drop'])
    .optional()
    .meta({
      description:
        'What becomes of the events of a team that no SlackBot names. Deliver: they reach the queue like all others. Drop: they ' +
        'are acknowledged, counted and not queued.',
      codeDefault: 'Deliver',
    }),
  delayedEvents: delayedEventsField(''),
  allowedNamespaces: z
    .array(
      z
        .string()
        .regex(/^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$/, `${NAMESPACE_REMEDY}, or '*' for all`)
        .min(1)
        .max(MAX_NAMESPACE_LENGTH),
    )
    .max(1000)
    .optional()
    .meta({
      description:
        'Further namespaces whose SlackBots may name this SlackApp in appRef, and so claim a team of it; "*" stands for all. ' +
        "The SlackApp's own namespace always may. A SlackBot in another namespace is refused, and its conditions say so.",
      codeDefault: 'none but its own',
      'x-kubernetes-list-type': 'atomic',
    }),
  suspend: suspendField,
  replies: repliesField(' Applies to teams without a SlackBot; a SlackBot has its own.'),
  queueNamespace: queueNamespaceField,
  events: eventSelectionSchema.optional().meta({
    description:
      'Which events of teams without a SlackBot reach the queue; a SlackBot has its own selection. Filtered events are counted ' +
      'and acknowledged.',
  }),
});
export type SlackAppSpec = z.infer<typeof specFields>;

export const slackAppSpecSchema = specFields.meta({
  description: 'Desired state of the app.',
  'x-kubernetes-validations': celValidationsOf(SLACKAPP_RULES),
});

export const slackAppStatusSchema = z
  .object({
    ...socketStatusFields('app'),
    teams: z.int().min(0).exactOptional().meta({ description: 'Number of teams that have a SlackBot over this app.' }),
  })
  .meta({
    description: 'Observed state of the app. Written by the operator when something changes, never as a heartbeat.',
  });
export type SlackAppStatus = z.infer<typeof slackAppStatusSchema>;

export type SlackApp = ApiObject<'SlackApp', SlackAppSpec, SlackAppStatus>;

/** The key of the app-level token inside the app's Secret. */
export const appTokenKeyOf = (spec: SlackAppSpec): string =>
  spec.credentials.keys?.appToken ?? DEFAULT_SECRET_KEYS.appToken;

/** Whether a SlackBot of this namespace may name the app. */
export const allowsNamespace = (
  { metadata, spec }: { metadata: { namespace: string }; spec: SlackAppSpec },
  namespace: string,
): boolean =>
  namespace === metadata.namespace ||
  (spec.allowedNamespaces ?? []).some((allowed) => allowed === ALL_NAMESPACES || allowed === namespace);

/** `unknownTeams` in the form of slots, with the default. */
export const unknownTeamsOf = ({ unknownTeams }: SlackAppSpec): 'deliver' | 'drop' =>
  unknownTeams === 'Drop' ? 'drop' : 'deliver';
