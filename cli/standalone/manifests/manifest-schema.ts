import { z } from 'zod';
import {
  MAX_NAMESPACE_LENGTH,
  NAME_PATTERN,
  NAME_REMEDY,
  NAMESPACE_PATTERN,
  NAMESPACE_REMEDY,
} from '../../../core/api/object-name.ts';
import { SECRET_KEY_PATTERN, SECRET_KEY_REMEDY } from '../../../core/api/secret-source.ts';
import { slackAppSpecSchema } from '../../../core/api/slackapp.ts';
import { slackBotSpecSchema } from '../../../core/api/slackbot.ts';

/**
 * The objects of a manifest as the API server judges them: what it defines itself (metadata, Secret) and how it reads
 * a value: a field that is null counts as absent, a field that it does not know is an error.
 */

/** ['items', 0, 'spec'] */
export type FieldPath = readonly PropertyKey[];

export interface FieldProblem {
  path: FieldPath;
  /** What is wrong and what to do; never the value itself. */
  message: string;
}

const stringMap = z.record(z.string(), z.string());
/** Set by the server, and there in what `kubectl get -o yaml` prints: known, not read. */
const serverSide = z.unknown().optional();

const metadataSchema = z.object({
  name: z.string().regex(NAME_PATTERN, NAME_REMEDY).max(253),
  namespace: z.string().regex(NAMESPACE_PATTERN, NAMESPACE_REMEDY).max(MAX_NAMESPACE_LENGTH).default('default'),
  labels: stringMap.default({}),
  annotations: stringMap.optional(),
  creationTimestamp: serverSide,
  deletionGracePeriodSeconds: serverSide,
  deletionTimestamp: serverSide,
  finalizers: serverSide,
  generateName: serverSide,
  generation: serverSide,
  managedFields: serverSide,
  ownerReferences: serverSide,
  resourceVersion: serverSide,
  selfLink: serverSide,
  uid: serverSide,
});

const secretKey = z
  .string()
  .regex(SECRET_KEY_PATTERN, SECRET_KEY_REMEDY)
  .max(253)
  .refine((key) => key !== '.' && !key.startsWith('..'), "must not be '.' nor begin with '..'");

const BASE64_REMEDY = 'must be base64: encode it (base64 -w0), or put the plain text under stringData';
/** RFC 4648 section 4, padded; line breaks inside pass, as they do with Go's decoder, which the API server uses. */
const base64 = z.string().refine((text) => {
  const plain = text.replace(/[\r\n]/g, '');
  return plain.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(plain);
}, BASE64_REMEDY);

const ownManifestSchema = <Kind extends string, Spec extends z.ZodType>(kind: Kind, spec: Spec) =>
  z.object({ apiVersion: z.string(), kind: z.literal(kind), metadata: metadataSchema, spec, status: serverSide });

export const slackBotManifestSchema = ownManifestSchema('SlackBot', slackBotSpecSchema);
export const slackAppManifestSchema = ownManifestSchema('SlackApp', slackAppSpecSchema);

export const secretManifestSchema = z.object({
  apiVersion: z.string(),
  kind: z.literal('Secret'),
  metadata: metadataSchema,
  data: z.record(secretKey, base64).default({}),
  stringData: z.record(secretKey, z.string()).default({}),
  type: z.string().optional(),
  immutable: z.boolean().optional(),
});

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Without the fields that are null; a null inside a list stays, and is an error. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => (each === null ? [] : [[key, withoutNulls(each)]])),
  );
}

function unknownFields(schema: unknown, value: unknown, path: FieldPath): FieldProblem[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return unknownFields(schema.def.innerType, value, path);
  }
  if (!(schema instanceof z.ZodObject) || !isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, each]): FieldProblem[] =>
    Object.hasOwn(schema.shape, key)
      ? unknownFields(schema.shape[key], each, [...path, key])
      : [{ path: [...path, key], message: `is unknown here: known are ${readable(schema.shape)}` }],
  );
}

const readable = (shape: object): string =>
  Object.entries(shape)
    .filter(([, type]) => type !== serverSide)
    .map(([key]) => key)
    .join(', ');

const NEEDED: Readonly<Record<string, string>> = {
  string: 'must be a string: put the value in quotes',
  boolean: 'must be true or false',
  int: 'must be a whole number',
  number: 'must be a whole number',
  array: 'must be a list',
  object: 'must be a mapping',
  record: 'must be a mapping',
};

function messageOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : (NEEDED[issue.expected] ?? `must be ${issue.expected}`);
    case 'invalid_value': {
      const quoted =
        typeof issue.input === 'boolean' ? ', in quotes: without them YAML reads some words as true or false' : '';
      return `must be one of ${issue.values.map(String).join(', ')}${quoted}`;
    }
    case 'too_big':
      return `must be ${bound(issue.origin, 'at most', Number(issue.maximum))}`;
    case 'too_small':
      return `must be ${bound(issue.origin, 'at least', Number(issue.minimum))}`;
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message;
    default:
      return issue.message;
  }
}

function bound(origin: string, side: 'at most' | 'at least', limit: number): string {
  if (origin === 'string') return `${side} ${limit} characters long`;
  return origin === 'array' ? `a list of ${side} ${limit} items` : `${side} ${limit}`;
}

export type Judged<T> = { value: T } | { problems: FieldProblem[] };

/** Judges a document by a schema; messages never repeat a value, since it may be a secret. */
export function judge<T>(schema: z.ZodType<T>, document: unknown): Judged<T> {
  const value = withoutNulls(document);
  const parsed = schema.safeParse(value, { reportInput: true });
  const wrong = parsed.error?.issues.map((issue) => ({ path: issue.path, message: messageOf(issue) })) ?? [];
  const problems = [...unknownFields(schema, value, []), ...wrong];
  return parsed.success && problems.length === 0 ? { value: parsed.data } : { problems };
}
