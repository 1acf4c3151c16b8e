import { API_VERSION } from '../../../core/api/api-group.ts';
import { qualifiedName } from '../../../core/api/object-name.ts';
import type { SlackAppSpec } from '../../../core/api/slackapp.ts';
import { SLACKAPP_RULES } from '../../../core/api/slackapp-rules.ts';
import type { SlackBotSpec } from '../../../core/api/slackbot.ts';
import { SLACKBOT_RULES } from '../../../core/api/slackbot-rules.ts';
import { brokenRules, type SpecRule } from '../../../core/api/spec-rule.ts';
import { redactTokens } from '../../../core/process/redact.ts';
import {
  type FieldPath,
  type FieldProblem,
  isRecord,
  judge,
  secretManifestSchema,
  slackAppManifestSchema,
  slackBotManifestSchema,
} from './manifest-schema.ts';
import { parseYaml } from './yaml-documents.ts';

/**
 * The reader of standalone mode: the manifests that `kubectl apply` takes, judged as the API server judges them.
 * Pure. No message repeats a value from a document.
 *
 * A problem makes its object unknown, not absent: while a file has problems, its reader keeps what the file provided before.
 * Rules about a change (teamID is immutable) need the old spec: object-registry.ts.
 */

interface ManifestSource {
  file: string;
  /** From 1, as the documents stand in the file; empty ones count. */
  document: number;
}

export interface ManifestProblem extends ManifestSource {
  /** `spec.teamID`, `items[2].metadata.name`; empty if the document as a whole is meant. */
  field: string;
  /** What is wrong and what to do. */
  message: string;
}

interface ManifestMetadata {
  name: string;
  namespace: string;
  labels: Record<string, string>;
}

export interface ManifestObject<Kind extends string, Spec> {
  apiVersion: typeof API_VERSION;
  kind: Kind;
  metadata: ManifestMetadata;
  spec: Spec;
  source: ManifestSource;
}
export type ManifestBot = ManifestObject<'SlackBot', SlackBotSpec>;
export type ManifestApp = ManifestObject<'SlackApp', SlackAppSpec>;

export interface ManifestSecret {
  apiVersion: 'v1';
  kind: 'Secret';
  metadata: ManifestMetadata;
  /** Plain text: `stringData` over the decoded `data`, as on the API server. */
  data: Record<string, string>;
  source: ManifestSource;
}

export interface Manifests {
  bots: ManifestBot[];
  apps: ManifestApp[];
  secrets: ManifestSecret[];
  problems: ManifestProblem[];
}

/** Every SlackBot, SlackApp and Secret in a YAML or JSON text of one or more documents, and all that is wrong with the rest. */
export function parseManifests(text: string, file: string): Manifests {
  return mergeManifests(
    parseYaml(text).map((document, index): Manifests => {
      const source = { file, document: index + 1 };
      if ('error' in document) return wrong(source, [], [{ path: [], message: document.error }]);
      return document.value === null ? NO_MANIFESTS : readObject(document.value, source, []);
    }),
  );
}

/** One set of manifests out of several, as of a directory: of two objects with one name the second is a problem. */
export function mergeManifests(parts: readonly Manifests[]): Manifests {
  const problems = parts.flatMap((part) => part.problems);
  const firstOnly = <T extends ManifestBot | ManifestApp | ManifestSecret>(objects: T[]): T[] => {
    const first = new Map<string, T>();
    for (const object of objects) {
      const name = qualifiedName(object);
      const other = first.get(name);
      if (other === undefined) first.set(name, object);
      else {
        const at = `document ${other.source.document} of ${other.source.file}`;
        const message = `${object.kind} ${name} is already defined in ${at}: remove one, or give it another name`;
        problems.push({ ...object.source, field: 'metadata.name', message: redactTokens(message) });
      }
    }
    return [...first.values()];
  };
  return {
    bots: firstOnly(parts.flatMap((part) => part.bots)),
    apps: firstOnly(parts.flatMap((part) => part.apps)),
    secrets: firstOnly(parts.flatMap((part) => part.secrets)),
    problems,
  };
}

/** "bots.yaml, document 2: spec.teamID: is required" */
export const describeProblem = ({ file, document, field, message }: ManifestProblem): string =>
  `${file}, document ${document}: ${field === '' ? '' : `${field}: `}${message}`;

export const NO_MANIFESTS: Manifests = { bots: [], apps: [], secrets: [], problems: [] };

function fieldName(path: FieldPath): string {
  return path
    .map((key, index) => {
      if (typeof key === 'number') return `[${key}]`;
      const name = String(key);
      if (!/^[A-Za-z0-9_]+$/.test(name)) return `[${JSON.stringify(name)}]`;
      return index === 0 ? name : `.${name}`;
    })
    .join('');
}

function wrong(source: ManifestSource, prefix: FieldPath, problems: readonly FieldProblem[]): Manifests {
  return {
    ...NO_MANIFESTS,
    problems: problems.map(({ path, message }) => ({
      ...source,
      field: redactTokens(fieldName([...prefix, ...path])),
      message: redactTokens(message),
    })),
  };
}

type ObjectReader = (value: Record<string, unknown>, source: ManifestSource, prefix: FieldPath) => Manifests;

/** By kind: the apiVersion it must have, and who reads it. */
const KINDS: Readonly<Record<string, { apiVersion: string; read: ObjectReader }>> = {
  SlackBot: { apiVersion: API_VERSION, read: readBot },
  SlackBotList: { apiVersion: API_VERSION, read: readList },
  SlackApp: { apiVersion: API_VERSION, read: readApp },
  SlackAppList: { apiVersion: API_VERSION, read: readList },
  Secret: { apiVersion: 'v1', read: readSecret },
  SecretList: { apiVersion: 'v1', read: readList },
  List: { apiVersion: 'v1', read: readList },
};

const READ_KINDS = 'SlackBot, SlackApp or Secret';

function readObject(value: unknown, source: ManifestSource, prefix: FieldPath): Manifests {
  const fail = (key: string | undefined, message: string) =>
    wrong(source, prefix, [{ path: key === undefined ? [] : [key], message }]);
  if (!isRecord(value)) return fail(undefined, 'must be a mapping with apiVersion, kind and metadata');
  const { kind, apiVersion } = value;
  if (typeof kind !== 'string') return fail('kind', `is required: ${READ_KINDS}`);
  const known = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (known === undefined) {
    return fail('kind', `${kind} is not read by standalone mode, which takes ${READ_KINDS}: move it to another folder`);
  }
  if (apiVersion !== known.apiVersion) return fail('apiVersion', `must be ${known.apiVersion} for kind ${kind}`);
  return known.read(value, source, prefix);
}

function readList(value: Record<string, unknown>, source: ManifestSource, prefix: FieldPath): Manifests {
  const items = value.items ?? [];
  if (!Array.isArray(items)) return wrong(source, prefix, [{ path: ['items'], message: 'must be a list' }]);
  const parts = items.map((item: unknown, index) => readObject(item, source, [...prefix, 'items', index]));
  return {
    bots: parts.flatMap((part) => part.bots),
    apps: parts.flatMap((part) => part.apps),
    secrets: parts.flatMap((part) => part.secrets),
    problems: parts.flatMap((part) => part.problems),
  };
}

function readBot(value: Record<string, unknown>, source: ManifestSource, prefix: FieldPath): Manifests {
  const judged = judge(slackBotManifestSchema, value);
  if ('problems' in judged) return wrong(source, prefix, judged.problems);
  const { metadata, spec } = judged.value;
  const broken = problemsOf(SLACKBOT_RULES, spec);
  if (broken.length > 0) return wrong(source, prefix, broken);
  const bot: ManifestBot = { apiVersion: API_VERSION, kind: 'SlackBot', metadata: named(metadata), spec, source };
  return { ...NO_MANIFESTS, bots: [bot] };
}

function readApp(value: Record<string, unknown>, source: ManifestSource, prefix: FieldPath): Manifests {
  const judged = judge(slackAppManifestSchema, value);
  if ('problems' in judged) return wrong(source, prefix, judged.problems);
  const { metadata, spec } = judged.value;
  const broken = problemsOf(SLACKAPP_RULES, spec);
  if (broken.length > 0) return wrong(source, prefix, broken);
  const app: ManifestApp = { apiVersion: API_VERSION, kind: 'SlackApp', metadata: named(metadata), spec, source };
  return { ...NO_MANIFESTS, apps: [app] };
}

const problemsOf = <Spec>(rules: readonly SpecRule<Spec>[], spec: Spec): FieldProblem[] =>
  brokenRules(rules, spec).map(({ field, message }) => ({ path: ['spec', field], message }));

function readSecret(value: Record<string, unknown>, source: ManifestSource, prefix: FieldPath): Manifests {
  const judged = judge(secretManifestSchema, value);
  if ('problems' in judged) return wrong(source, prefix, judged.problems);
  const { metadata, data, stringData } = judged.value;
  const plain = Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString('utf8')] as const);
  const merged = { ...Object.fromEntries(plain), ...stringData };
  return {
    ...NO_MANIFESTS,
    secrets: [{ apiVersion: 'v1', kind: 'Secret', metadata: named(metadata), data: merged, source }],
  };
}

const named = ({ name, namespace, labels }: ManifestMetadata): ManifestMetadata => ({ name, namespace, labels });
