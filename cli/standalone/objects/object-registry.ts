import { createHash } from 'node:crypto';
import { z } from 'zod';
import { SLACKBOT_RULES } from '../../../core/api/slackbot-rules.ts';
import { brokenRules } from '../../../core/api/spec-rule.ts';
import type { BotDocument } from '../../../operator/kinds/slackbot/socket-set.ts';
import type { ManifestBot, ManifestProblem } from '../manifests/manifest.ts';

/**
 * What an API server would know of each SlackBot: uid, generation, age. Pure; kept over restarts in the state folder,
 * and good enough without it: a generation that starts again is still above what Redis has, a fence (design rule 8) or a
 * slot, since the planner believes whatever is not below our generation to come from somebody who knows more.
 */
export const registeredBotSchema = z.object({
  uid: z.string(),
  /** "namespace/name" */
  bot: z.string(),
  /** Rises with each change of the spec, and when a bot that was removed comes back. */
  generation: z.int().positive(),
  /** RFC 3339: of two SlackBots for one bot the older runs it. */
  createdAt: z.string(),
  /** Of the spec that has this generation. */
  specDigest: z.string(),
  /** It was taken out of the directory, so a fence of its generation stands or will stand. */
  removed: z.boolean().default(false),
});
type RegisteredBot = z.infer<typeof registeredBotSchema>;
/** uid -> entry */
export type ObjectRegistry = ReadonlyMap<string, RegisteredBot>;

export interface Registration {
  registry: ObjectRegistry;
  bots: BotDocument[];
  /** Bots of the reading before that are no longer in the directory. */
  removed: BotDocument[];
  /** Changes that the API server would refuse; the bot stays as it was. */
  problems: ManifestProblem[];
}

/** What Redis has of our bots, as far as it was read: a new generation must be above it. */
export interface KnownGenerations {
  /** uid -> generation up to which the fence refuses events. */
  fenced: ReadonlyMap<string, number>;
  /** uid -> highest generation of a slot that is assigned. */
  assigned: ReadonlyMap<string, number>;
}

interface RegistrationInput {
  manifests: readonly ManifestBot[];
  registry: ObjectRegistry;
  /** Bots of the reading before; undefined at the start of a run. */
  before: readonly BotDocument[] | undefined;
  known: KnownGenerations;
  /** False: what is missing may be there (DirectoryContent). */
  complete: boolean;
  /** RFC 3339 */
  now: string;
}

/**
 * The team is part of it: teamID is immutable, so a SlackBot with another is another SlackBot. The same in every run, so
 * that a restart finds its slots in Redis.
 */
export function uidOf(namespace: string, name: string, teamID: string): string {
  return createHash('sha256').update(`${namespace}/${name}/${teamID}`).digest('hex').slice(0, 32);
}

/** Gives the bots of one reading of the directory what an API server would give them, on top of the reading before. */
export function register(input: RegistrationInput): Registration {
  const before = new Map(input.before?.map((bot) => [nameOf(bot), bot]));
  const registry = new Map(input.registry);
  const bots: BotDocument[] = [];
  const problems: ManifestProblem[] = [];
  for (const manifest of input.manifests) {
    const old = before.get(nameOf(manifest));
    before.delete(nameOf(manifest));
    const broken = old === undefined ? [] : brokenRules(SLACKBOT_RULES, manifest.spec, old.spec);
    for (const { field, message } of broken) problems.push({ ...manifest.source, field: `spec.${field}`, message });
    bots.push(old !== undefined && broken.length > 0 ? old : enter(manifest, old === undefined, registry, input));
  }
  const removed = [...before.values()];
  for (const { metadata } of removed) {
    const entry = registry.get(metadata.uid);
    if (entry !== undefined) registry.set(metadata.uid, { ...entry, removed: true });
  }
  const kept = new Set([...bots, ...removed].map(({ metadata }) => metadata.uid));
  // Gone while nobody ran: a SlackBot of that name would be a new one.
  if (input.complete && input.before === undefined) {
    for (const uid of registry.keys()) if (!kept.has(uid)) registry.delete(uid);
  }
  return { registry, bots, removed, problems };
}

function enter(
  manifest: ManifestBot,
  isNew: boolean,
  registry: Map<string, RegisteredBot>,
  input: RegistrationInput,
): BotDocument {
  const { namespace, name } = manifest.metadata;
  const uid = uidOf(namespace, name, manifest.spec.teamID);
  const entry = registry.get(uid);
  const specDigest = createHash('sha256').update(JSON.stringify(manifest.spec)).digest('hex').slice(0, 16);
  const last = entry?.generation ?? 0;
  const fence = input.known.fenced.get(uid) ?? 0;
  const assigned = input.known.assigned.get(uid) ?? 0;
  // A bot that was removed and comes back must get past its fence; one that is suspended stands behind its own.
  const isFenced = isNew && manifest.spec.suspend !== true && fence >= last;
  const same = entry?.specDigest === specDigest && !isFenced && !entry.removed && assigned <= last;
  const next: RegisteredBot = same
    ? entry
    : {
        uid,
        bot: `${namespace}/${name}`,
        specDigest,
        removed: false,
        generation: Math.max(fence, assigned, last) + 1,
        createdAt: entry?.createdAt ?? input.now,
      };
  registry.set(uid, next);
  const { generation, createdAt } = next;
  return { metadata: { uid, namespace, name, generation, creationTimestamp: createdAt }, spec: manifest.spec };
}

const nameOf = ({ metadata }: { metadata: { namespace: string; name: string } }): string =>
  `${metadata.namespace}/${metadata.name}`;
