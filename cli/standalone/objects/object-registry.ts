import { createHash } from 'node:crypto';
import { z } from 'zod';
import { qualifiedName } from '../../../core/api/object-name.ts';
import type { SlackAppSpec } from '../../../core/api/slackapp.ts';
import { SLACKAPP_RULES } from '../../../core/api/slackapp-rules.ts';
import type { SlackBotSpec } from '../../../core/api/slackbot.ts';
import { SLACKBOT_RULES } from '../../../core/api/slackbot-rules.ts';
import { brokenRules, type SpecRule } from '../../../core/api/spec-rule.ts';
import type { ManifestObject, ManifestProblem, Manifests } from '../manifests/manifest.ts';

/**
 * What an API server would know of each object: uid, generation, age. Pure; kept over restarts in the state folder,
 * and good enough without it: a generation that starts again is still above what Redis has, a fence (design rule 8), a slot
 * or a row, since the planner believes whatever is not below our generation to come from somebody who knows more.
 */
export const registryEntrySchema = z.object({
  uid: z.string(),
  /** "namespace/name" of the object, whatever its kind. */
  bot: z.string(),
  /** Rises with each change of the spec, and when an object that was removed comes back. */
  generation: z.int().positive(),
  /** RFC 3339: of two objects for one bot or app the older runs it. */
  createdAt: z.string(),
  /** Of the spec that has this generation. */
  specDigest: z.string(),
  /** It was taken out of the directory, so a fence of its generation stands or will stand. */
  removed: z.boolean().default(false),
});
type RegistryEntry = z.infer<typeof registryEntrySchema>;
/** uid -> entry */
export type ObjectRegistry = ReadonlyMap<string, RegistryEntry>;

/** An object as an API server would give it. */
interface RegisteredObject<Kind extends string, Spec> {
  apiVersion: string;
  kind: Kind;
  metadata: {
    uid: string;
    namespace: string;
    name: string;
    generation: number;
    creationTimestamp: string;
    resourceVersion: string;
  };
  spec: Spec;
}
type Bot = RegisteredObject<'SlackBot', SlackBotSpec>;
type App = RegisteredObject<'SlackApp', SlackAppSpec>;

/** The objects of one kind, after a reading of the directory. */
export interface Registered<Object = Bot | App> {
  present: Object[];
  /** Those of the reading before that are no longer in the directory. */
  removed: Object[];
  /** Changes that the API server would refuse; the object stays as it was. */
  problems: ManifestProblem[];
}

export interface Registration {
  registry: ObjectRegistry;
  bots: Registered<Bot>;
  apps: Registered<App>;
}

/** What Redis has of our objects, as far as it was read: a new generation must be above it. */
export interface KnownGenerations {
  /** uid -> generation up to which the fence refuses events. */
  fenced: ReadonlyMap<string, number>;
  /** uid -> highest generation of a slot that is assigned, or of a row in the table of an app. */
  assigned: ReadonlyMap<string, number>;
}

interface RegistrationInput {
  manifests: Pick<Manifests, 'bots' | 'apps'>;
  registry: ObjectRegistry;
  /** The registration before; undefined at the start of a run. */
  before: Registration | undefined;
  known: KnownGenerations;
  /** False: what is missing may be there (DirectoryContent). */
  complete: boolean;
  /** RFC 3339 */
  now: string;
}

/** What is different in each kind. */
interface ObjectKind<Spec> {
  rules: readonly SpecRule<Spec>[];
  /** The id at Slack is part of it: it is immutable, so an object with another is another object. */
  uidOf(name: string, spec: Spec): string;
}

/** The same in every run, so that a restart finds its slots in Redis. @param name "namespace/name" */
export const botUidOf = (name: string, teamID: string): string => digest(`${name}/${teamID}`, 32);
/** As `botUidOf`. No namespace has capitals, so no SlackBot has this uid. */
export const appUidOf = (name: string, appID: string): string => digest(`SlackApp/${name}/${appID}`, 32);

const BOTS: ObjectKind<SlackBotSpec> = { rules: SLACKBOT_RULES, uidOf: (name, { teamID }) => botUidOf(name, teamID) };
const APPS: ObjectKind<SlackAppSpec> = { rules: SLACKAPP_RULES, uidOf: (name, { appID }) => appUidOf(name, appID) };

/** Gives the objects of one reading of the directory what an API server would give them, on top of the reading before. */
export function register(input: RegistrationInput): Registration {
  const { manifests, before, complete } = input;
  const registry = new Map(input.registry);
  const bots = registerKind(BOTS, manifests.bots, before?.bots.present, registry, input);
  const apps = registerKind(APPS, manifests.apps, before?.apps.present, registry, input);
  // Gone while nobody ran: an object of that name would be a new one.
  if (complete && before === undefined) {
    const kept = new Set([...bots.present, ...apps.present].map(({ metadata }) => metadata.uid));
    for (const uid of registry.keys()) if (!kept.has(uid)) registry.delete(uid);
  }
  return { registry, bots, apps };
}

interface AnySpec {
  suspend?: boolean | undefined;
}

function registerKind<Kind extends string, Spec extends AnySpec>(
  kind: ObjectKind<Spec>,
  manifests: readonly ManifestObject<Kind, Spec>[],
  before: readonly RegisteredObject<Kind, Spec>[] = [],
  registry: Map<string, RegistryEntry>,
  input: RegistrationInput,
): Registered<RegisteredObject<Kind, Spec>> {
  const left = new Map(before.map((object) => [qualifiedName(object), object]));
  const present: RegisteredObject<Kind, Spec>[] = [];
  const problems: ManifestProblem[] = [];
  for (const manifest of manifests) {
    const name = qualifiedName(manifest);
    const old = left.get(name);
    left.delete(name);
    const broken = old === undefined ? [] : brokenRules(kind.rules, manifest.spec, old.spec);
    for (const { field, message } of broken) problems.push({ ...manifest.source, field: `spec.${field}`, message });
    const stays = old !== undefined && broken.length > 0;
    present.push(stays ? old : enter(kind, manifest, old === undefined, registry, input));
  }
  const removed = [...left.values()];
  for (const { metadata } of removed) {
    const entry = registry.get(metadata.uid);
    if (entry !== undefined) registry.set(metadata.uid, { ...entry, removed: true });
  }
  return { present, removed, problems };
}

function enter<Kind extends string, Spec extends AnySpec>(
  kind: ObjectKind<Spec>,
  manifest: ManifestObject<Kind, Spec>,
  isNew: boolean,
  registry: Map<string, RegistryEntry>,
  { known, now }: RegistrationInput,
): RegisteredObject<Kind, Spec> {
  const { apiVersion, metadata, spec } = manifest;
  const { namespace, name } = metadata;
  const uid = kind.uidOf(qualifiedName(manifest), spec);
  const entry = registry.get(uid);
  const specDigest = digest(JSON.stringify(spec), 16);
  const last = entry?.generation ?? 0;
  const fence = known.fenced.get(uid) ?? 0;
  const assigned = known.assigned.get(uid) ?? 0;
  // An object that was removed and comes back must get past its fence; one that is suspended stands behind its own.
  const isFenced = isNew && spec.suspend !== true && fence >= last;
  const same = entry?.specDigest === specDigest && !isFenced && !entry.removed && assigned <= last;
  const next: RegistryEntry = same
    ? entry
    : {
        uid,
        bot: qualifiedName(manifest),
        specDigest,
        removed: false,
        generation: Math.max(fence, assigned, last) + 1,
        createdAt: entry?.createdAt ?? now,
      };
  registry.set(uid, next);
  const { generation, createdAt: creationTimestamp } = next;
  const resourceVersion = String(generation);
  return {
    apiVersion,
    kind: manifest.kind,
    metadata: { uid, namespace, name, generation, creationTimestamp, resourceVersion },
    spec,
  };
}

const digest = (text: string, length: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, length);
