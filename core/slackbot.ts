import { z } from 'zod';

/**
 * The SlackBot resource. This file is the one definition: the CRD in crds/, its reference in docs/crd.md and the
 * reader of standalone mode are all made from it (`npm run generate`).
 */
export const GROUP = 'relax.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;
export const FINALIZER = 'relax.dev/sockets';
export const CREDENTIALS_LABEL = 'relax.dev/credentials';

export const slackBotSpecSchema = z.object({
  teamID: z.string().regex(/^[TE][A-Z0-9]{2,}$/),
  transport: z.enum(['RTM', 'SocketMode', 'App']),
  credentials: z
    .object({
      secretRef: z.object({ name: z.string() }),
      keys: z.object({ token: z.string().optional(), appToken: z.string().optional() }).optional(),
    })
    .optional(),
  appRef: z.object({ name: z.string() }).optional(),
  replicas: z.int().optional(),
  suspend: z.boolean().optional(),
  queueNamespace: z.string().optional(),
  events: z
    .object({
      include: z.array(z.string()).optional(),
      exclude: z.array(z.string()).optional(),
      own: z.boolean().optional(),
    })
    .optional(),
});
export type SlackBotSpec = z.infer<typeof slackBotSpecSchema>;

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  /** RFC 3339; moves only when `status` flips. */
  lastTransitionTime: string;
  observedGeneration: number;
}

export interface SlackBotStatus {
  observedGeneration?: number;
  conditions?: Condition[];
  desiredConnections?: number;
  liveConnections?: number;
  /** "2/2" */
  connectionSummary?: string;
  connections?: { pod: string; zone: string; since: string }[];
  teamName?: string;
  botUserID?: string;
}

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
