import { z } from 'zod';
import { GROUP, VERSION } from '../core/api/api-group.ts';
import { slackBotSpecSchema, slackBotStatusSchema } from '../core/api/slackbot.ts';

/**
 * The CustomResourceDefinition, made from the zod definition in core/api/slackbot.ts. Pure.
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

export const specSchema = structural(slackBotSpecSchema, 'spec');
export const statusSchema = structural(slackBotStatusSchema, 'status');

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
  type: 'string' | 'date';
  jsonPath: string;
  description: string;
  /** 1 shows the column with `-o wide` only. */
  priority?: 1;
}

export const PRINTER_COLUMNS: readonly PrinterColumn[] = [
  { name: 'Team', type: 'string', jsonPath: '.spec.teamID', description: "Slack's id of the team." },
  { name: 'Ready', type: 'string', jsonPath: readyField('status'), description: 'Whether events arrive.' },
  { name: 'Reason', type: 'string', jsonPath: readyField('reason'), description: 'Why.' },
  {
    name: 'Connections',
    type: 'string',
    jsonPath: '.status.connectionSummary',
    description: 'Live and wanted sockets.',
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since creation.' },
  {
    name: 'Transport',
    type: 'string',
    jsonPath: '.spec.transport',
    description: 'How events arrive.',
    priority: 1,
  },
  { name: 'Workspace', type: 'string', jsonPath: '.status.teamName', description: 'Name of the team.', priority: 1 },
  {
    name: 'Redundant',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Redundant")].status',
    description: 'Whether the loss of a pod or zone leaves a socket.',
    priority: 1,
  },
  { name: 'Message', type: 'string', jsonPath: readyField('message'), description: 'Why, in words.', priority: 1 },
];

export const CRD_NAME = `slackbots.${GROUP}`;
export const CRD_DESCRIPTION =
  'A SlackBot is the bot of one Slack team: its events are put on the queue, each exactly once.';

export function slackBotCrd() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: CRD_NAME },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind: 'SlackBot',
        listKind: 'SlackBotList',
        plural: 'slackbots',
        singular: 'slackbot',
        shortNames: ['sb'],
        categories: ['relax'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          selectableFields: [{ jsonPath: '.spec.teamID' }],
          additionalPrinterColumns: PRINTER_COLUMNS,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description: CRD_DESCRIPTION,
              required: ['spec'],
              properties: { spec: forCrd(specSchema), status: forCrd(statusSchema) },
            },
          },
        },
      ],
    },
  };
}
