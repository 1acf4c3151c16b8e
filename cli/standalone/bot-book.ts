import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { SlackBotSpec } from '../../core/api/slackbot.ts';
import { brokenRules } from '../../core/api/slackbot-rules.ts';
import type { ManifestBot, ManifestProblem } from './manifest.ts';

/**
 * What an API server would know of each SlackBot: uid, generation, age. Pure; kept over restarts in the state folder,
 * and good enough without it: a generation that starts anew is still above what Redis has, a fence (design rule 8) or a
 * slot, since the planner takes whatever there is not below our generation for the word of somebody who knows more.
 */
export const bookEntrySchema = z.object({
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
export type BookEntry = z.infer<typeof bookEntrySchema>;
/** uid -> entry */
export type Book = ReadonlyMap<string, BookEntry>;

/** A SlackBot as the operator's judges take it. */
export interface StandaloneBot {
  metadata: { uid: string; namespace: string; name: string; generation: number; creationTimestamp: string };
  spec: SlackBotSpec;
}

export interface Turn {
  book: Book;
  bots: StandaloneBot[];
  /** Bots of the turn before that are not in the directory any more. */
  removed: StandaloneBot[];
  /** Changes that the API server would refuse; the bot stays as it was. */
  problems: ManifestProblem[];
}

/** What Redis has of our bots, as far as it was read: a new generation must be above it. */
export interface Floors {
  /** uid -> generation up to which the fence refuses events. */
  fences: ReadonlyMap<string, number>;
  /** uid -> highest generation of a slot that is assigned. */
  placed: ReadonlyMap<string, number>;
}

export interface TurnInput {
  manifests: readonly ManifestBot[];
  book: Book;
  /** As the turn before left them; undefined at the start of a run. */
  before: readonly StandaloneBot[] | undefined;
  floors: Floors;
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

/** One reading of the directory, on top of the one before. */
export function turn(input: TurnInput): Turn {
  const before = new Map(input.before?.map((bot) => [nameOf(bot), bot]));
  const book = new Map(input.book);
  const bots: StandaloneBot[] = [];
  const problems: ManifestProblem[] = [];
  for (const manifest of input.manifests) {
    const old = before.get(nameOf(manifest));
    before.delete(nameOf(manifest));
    const broken = old === undefined ? [] : brokenRules(manifest.spec, old.spec);
    for (const { field, message } of broken) problems.push({ ...manifest.source, field: `spec.${field}`, message });
    bots.push(old !== undefined && broken.length > 0 ? old : enter(manifest, old === undefined, book, input));
  }
  const removed = [...before.values()];
  for (const { metadata } of removed) {
    const entry = book.get(metadata.uid);
    if (entry !== undefined) book.set(metadata.uid, { ...entry, removed: true });
  }
  const kept = new Set([...bots, ...removed].map(({ metadata }) => metadata.uid));
  // Gone while nobody ran: a SlackBot of that name would be a new one.
  if (input.complete && input.before === undefined) {
    for (const uid of book.keys()) if (!kept.has(uid)) book.delete(uid);
  }
  return { book, bots, removed, problems };
}

function enter(manifest: ManifestBot, isNew: boolean, book: Map<string, BookEntry>, input: TurnInput): StandaloneBot {
  const { namespace, name } = manifest.metadata;
  const uid = uidOf(namespace, name, manifest.spec.teamID);
  const entry = book.get(uid);
  const specDigest = createHash('sha256').update(JSON.stringify(manifest.spec)).digest('hex').slice(0, 16);
  const known = entry?.generation ?? 0;
  const fence = input.floors.fences.get(uid) ?? 0;
  const placed = input.floors.placed.get(uid) ?? 0;
  // A bot that was removed and comes back must get past its fence; one that is suspended stands behind its own.
  const isFenced = isNew && manifest.spec.suspend !== true && fence >= known;
  const same = entry?.specDigest === specDigest && !isFenced && !entry.removed && placed <= known;
  const next: BookEntry = same
    ? entry
    : {
        uid,
        bot: `${namespace}/${name}`,
        specDigest,
        removed: false,
        generation: Math.max(fence, placed, known) + 1,
        createdAt: entry?.createdAt ?? input.now,
      };
  book.set(uid, next);
  const { generation, createdAt } = next;
  return { metadata: { uid, namespace, name, generation, creationTimestamp: createdAt }, spec: manifest.spec };
}

const nameOf = ({ metadata }: { metadata: { namespace: string; name: string } }): string =>
  `${metadata.namespace}/${metadata.name}`;
