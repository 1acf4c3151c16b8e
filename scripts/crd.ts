import { z } from 'zod';
import { GROUP, VERSION } from '../core/api/api-group.ts';
import { slackAppSpecSchema, slackAppStatusSchema } from '../core/api/slackapp.ts';
import { SLACKAPP_RULES } from '../core/api/slackapp-rules.ts';
import { slackBotSpecSchema, slackBotStatusSchema } from '../core/api/slackbot.ts';
import { SLACKBOT_RULES } from '../core/api/slackbot-rules.ts';
import type { SpecRule } from '../core/api/spec-rule.ts';

/**
 * The CustomResourceDefinitions, made from the zod definitions in core/api. Pure.
 */

/** JSON schema as Kubernetes takes it ("structural"), plus `codeDefault`, which the CRD leaves out. */
export interface Schema {
  type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: string[];
  pattern?: string;
  format?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  codeDefault?: unknown;
  'x-kubernetes-validations'?: { rule: string; message: string; fieldPath: string }[];
  'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: 'atomic';
}

const KEYWORDS: ReadonlySet<string> = new Set<keyof Schema>([
  'type',
  'description',
  'properties',
  'required',
  'items',
  'enum',
  'pattern',
  'format',
  'default',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'codeDefault',
  'x-kubernetes-validations',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
]);

/** @throws Error on a keyword that a structural schema can't hold, so that zod never smuggles one in. */
function checked(schema: Schema, path: string): Schema {
  for (const keyword of Object.keys(schema)) {
    if (!KEYWORDS.has(keyword)) throw new Error(`${path}: a structural schema has no ${keyword}`);
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) checked(property, `${path}.${name}`);
  if (schema.items !== undefined) checked(schema.items, `${path}[]`);
  return schema;
}

/** zod bounds every integer by what JavaScript holds exactly; that says nothing to a reader of the CRD. */
function withoutSafeBounds({ minimum, maximum, properties, items, ...rest }: Schema): Schema {
  return {
    ...rest,
    ...(minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER && { minimum }),
    ...(maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER && { maximum }),
    ...(items && { items: withoutSafeBounds(items) }),
    ...(properties && { properties: mapValues(properties, withoutSafeBounds) }),
  };
}

const mapValues = <A, B>(record: Record<string, A>, map: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));

const structural = (type: z.ZodType, path: string): Schema =>
  withoutSafeBounds(checked(z.toJSONSchema(type, { target: 'openapi-3.0', io: 'input' }) as Schema, path));

/** A default that the programs apply goes into the text, or `kubectl explain` would not tell it. */
function forCrd({ codeDefault, description, properties, items, ...rest }: Schema): Schema {
  const told = codeDefault === undefined ? description : `${description} Default: ${String(codeDefault)}.`;
  return {
    ...(told !== undefined && { description: told }),
    ...rest,
    ...(items && { items: forCrd(items) }),
    ...(properties && { properties: mapValues(properties, forCrd) }),
  };
}

const readyField = (field: 'status' | 'reason' | 'message'): string =>
  `.status.conditions[?(@.type=="Ready")].${field}`;

export interface PrinterColumn {
  name: string;
  type: 'string' | 'integer' | 'date';
  jsonPath: string;
  description: string;
  /** 1 shows the column with `-o wide` only. */
  priority?: 1;
}

const named = (
  name: string,
  jsonPath: string,
  description: string,
  more: Partial<PrinterColumn> = {},
): PrinterColumn => ({
  name,
  type: 'string',
  jsonPath,
  description,
  ...more,
});

/** What `kubectl get` shows of every kind: in front of all, at the end, and with `-o wide`. */
const READY_COLUMNS: readonly PrinterColumn[] = [
  named('Ready', readyField('status'), 'Whether events arrive.'),
  named('Reason', readyField('reason'), 'Why.'),
  named('Connections', '.status.connectionSummary', 'Live and wanted sockets.'),
];
const AGE_COLUMN = named('Age', '.metadata.creationTimestamp', 'Time since creation.', { type: 'date' });
const WIDE_COLUMNS: readonly PrinterColumn[] = [
  named(
    'Redundant',
    '.status.conditions[?(@.type=="Redundant")].status',
    'Whether the loss of a pod or zone leaves a socket.',
    { priority: 1 },
  ),
  named('Message', readyField('message'), 'Why, in words.', { priority: 1 }),
];

/** Everything that the definition of a kind is made from. */
export interface KindDefinition {
  kind: string;
  plural: string;
  singular: string;
  shortName: string;
  /** What an object of it is: one sentence. */
  description: string;
  spec: Schema;
  status: Schema;
  rules: readonly Pick<SpecRule<never>, 'name' | 'cel' | 'message'>[];
  columns: readonly PrinterColumn[];
  /** `kubectl get --field-selector` finds objects by it. */
  selectableField: string;
  /** Its replicas are a number that `kubectl scale` may change, since the schema has a default for it. */
  scale: boolean;
  /** File of the definition, for people. */
  source: string;
}

export const SLACKBOT: KindDefinition = {
  kind: 'SlackBot',
  plural: 'slackbots',
  singular: 'slackbot',
  shortName: 'sb',
  description: 'A SlackBot is the bot of one Slack team: its events are put on the queue, each exactly once.',
  spec: structural(slackBotSpecSchema, 'spec'),
  status: structural(slackBotStatusSchema, 'status'),
  rules: SLACKBOT_RULES,
  columns: [
    named('Team', '.spec.teamID', "Slack's id of the team."),
    ...READY_COLUMNS,
    AGE_COLUMN,
    named('Transport', '.spec.transport', 'How events arrive.', { priority: 1 }),
    named('Workspace', '.status.teamName', 'Name of the team.', { priority: 1 }),
    ...WIDE_COLUMNS,
  ],
  selectableField: '.spec.teamID',
  scale: false,
  source: 'core/api/slackbot.ts',
};

export const SLACKAPP: KindDefinition = {
  kind: 'SlackApp',
  plural: 'slackapps',
  singular: 'slackapp',
  shortName: 'sapp',
  description:
    'A SlackApp is one distributed Slack app over Socket Mode: its few sockets carry the events of all teams that have ' +
    'installed it, and each event is put on the queue exactly once.',
  spec: structural(slackAppSpecSchema, 'spec'),
  status: structural(slackAppStatusSchema, 'status'),
  rules: SLACKAPP_RULES,
  columns: [
    named('App', '.spec.appID', "Slack's id of the app."),
    ...READY_COLUMNS,
    named('Teams', '.status.teams', 'Number of teams that have a SlackBot.', { type: 'integer' }),
    AGE_COLUMN,
    ...WIDE_COLUMNS,
  ],
  selectableField: '.spec.appID',
  scale: true,
  source: 'core/api/slackapp.ts',
};

export const KIND_DEFINITIONS: readonly KindDefinition[] = [SLACKBOT, SLACKAPP];

export const crdName = ({ plural }: KindDefinition): string => `${plural}.${GROUP}`;

const SCALE = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.liveConnections' };

export function crdOf(definition: KindDefinition) {
  const { kind, plural, singular, shortName, description, spec, status, columns, selectableField, scale } = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: crdName(definition) },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames: [shortName], categories: ['relax'] },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {}, ...(scale && { scale: SCALE }) },
          selectableFields: [{ jsonPath: selectableField }],
          additionalPrinterColumns: columns,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description,
              required: ['spec'],
              properties: { spec: forCrd(spec), status: forCrd(status) },
            },
          },
        },
      ],
    },
  };
}
