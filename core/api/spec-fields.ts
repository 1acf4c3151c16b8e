import { z } from 'zod';

/** Fields that mean the same in the spec of every kind, and what bounds them. */

/** Sockets of one app in one cluster: Slack allows an app ten, which clusters and replacements of sockets share. */
export const MAX_APP_REPLICAS = 4;
export const DEFAULT_REPLICAS = 2;

export const suspendField = z.boolean().optional().meta({
  description: 'If true, the sockets are closed and everything else is kept; Ready is False with reason Suspended.',
  codeDefault: false,
});

export const queueNamespaceField = z
  .string()
  .regex(/^[A-Za-z0-9._:@/+-]*$/, 'must be letters, digits and . _ : @ / + - (it is not a Kubernetes namespace)')
  .max(128)
  .optional()
  .meta({
    description:
      'Value of the field `namespace` in queue items, so that consumers that share a queue can tell their bots apart. It is ' +
      'not a Kubernetes namespace. If absent, the field is empty.',
  });

/** @param scope where it applies, as a sentence that is added; empty if everywhere */
export const repliesField = (scope: string) =>
  z
    .enum(['Wait', 'Off'])
    .optional()
    .meta({
      description:
        'Whether slash commands and interactive payloads wait for an answer from the application, which then reaches Slack ' +
        "inside the acknowledgement (the queue item's field `reply`). Wait: for at most 2.5 seconds. Off: they are " +
        `acknowledged as soon as they are queued. In YAML, put "Off" in quotes: without them it reads as false.${scope}`,
      codeDefault: 'Wait',
    });

/** @param scope as with `repliesField` */
export const delayedEventsField = (scope: string) =>
  z
    .boolean()
    .optional()
    .meta({
      description:
        'Set it to true if Delayed Events are switched on in the settings of the Slack app: Slack then sends an event that was ' +
        `not acknowledged again every hour for 24 hours, and Relax remembers for 26 hours what is queued.${scope}`,
      codeDefault: false,
    });

/** `replies` in the form of slots and routes, with the default. */
export const repliesOf = ({ replies }: { replies?: 'Wait' | 'Off' | undefined }): 'wait' | 'off' =>
  replies === 'Off' ? 'off' : 'wait';
