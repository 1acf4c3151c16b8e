import { isObject, type JsonObject } from '../../core/slack/json-object.ts';
import { contentDigest, isVolatile } from './content-digest.ts';
import type { EventSource, RefusedBot } from './event-source.ts';
import { firstText, idOf, objectAt, slackTimeMs, text } from './frame-field.ts';
import type { Mark } from './mark.ts';

/**
 * Identifies the event, not the socket and not the resource (design rule 4): every copy on any socket of any cluster gets
 * the same id, and no other event does. Changing what this file returns makes two versions of Relax queue one event twice.
 * If an event can be read in two ways, two ids for one event (a duplicate) are better than one id for two (a loss).
 */
export interface Identity {
  /** `<team>/<bot user or app>/<type>[.<subtype>]/...`, readable; see docs/redis.md. */
  id: string;
  /** The team at the front of `id`: every copy of the event has the same one, whatever `spec.teamID` says. */
  teamID: string;
  mark: Mark;
}

/** An event's own part of its id, after team, bot user and type. */
export interface Name {
  parts: readonly string[];
  mark: Mark;
}

/** Of a frame of RTM, which numbers nothing: by what the event says. */
export function identify(frame: JsonObject, source: Pick<EventSource, 'slackTeamID' | 'botUserID'>): Identity {
  const { parts, mark } = nameOf(frame);
  const teamID = source.slackTeamID;
  return {
    id: joinID([teamID, source.botUserID, kindPart(text(frame.type), text(frame.subtype)), ...parts]),
    teamID,
    mark,
  };
}

const DISABLE_BOT_MARK_MS = 30 * 24 * 3_600_000;

/** `disable_bot` is an event of our own: one per team and token in 30 days. */
export const disableBotIdentity = (bot: Pick<RefusedBot, 'teamID' | 'tokenDigest'>): Identity => ({
  id: joinID([bot.teamID, 'disable_bot', bot.tokenDigest]),
  teamID: bot.teamID,
  mark: { kind: 'own', ttlMs: DISABLE_BOT_MARK_MS },
});

const UNTIMED: Mark = { kind: 'untimed' };
const LONGEST_PART = 128;

/** Parts joined so that different lists give different texts, bounded whatever Slack sends. `~` starts a digest. */
export const joinID = (parts: readonly string[]): string => parts.map(part).join('/');

/** What hardly any part has. Of a pair of surrogates only a look at whole characters shows that it is one. */
const MAYBE_ESCAPED = /[%/\ud800-\udfff]/;

function part(value: string): string {
  if (value.length > LONGEST_PART) return `~${contentDigest(value)}`;
  if (!MAYBE_ESCAPED.test(value)) return value;
  return value.replace(/[%/]|\p{Surrogate}/gu, (character) => `%${character.codePointAt(0)?.toString(16)}`);
}

/** `<type>[.<subtype>]` */
export function kindPart(type: string, subtype: string): string {
  const name = type.replaceAll('.', '%2e');
  return subtype === '' ? name : `${name}.${subtype}`;
}

export function nameOf(frame: JsonObject): Name {
  switch (text(frame.type)) {
    case 'message':
      return messageName(frame) ?? contentName(frame);
    case 'reaction_added':
    case 'reaction_removed':
      return reactionName(frame);
    case 'team_join':
      return versionedName([idOf(frame.user)], objectAt(frame, 'user').updated) ?? arrivalName(frame, 'user');
    case 'user_change':
      // Several changes may fall into one second of `updated`; the digest tells them apart.
      return (
        versionedName([idOf(frame.user), contentDigest(frame.user)], objectAt(frame, 'user').updated) ??
        contentName(frame)
      );
    case 'im_created':
      return (
        versionedName([idOf(frame.channel), idOf(frame.user)], objectAt(frame, 'channel').created) ??
        arrivalName(frame, 'channel')
      );
    case 'channel_joined':
    case 'group_joined':
      // `channel.created` does not identify the joining: the bot may leave and join again.
      return timedName(referencesOf(frame), text(frame.event_ts)) ?? arrivalName(frame, 'channel');
    default:
      return timedName([...referencesOf(frame), ...unreferencedOf(frame)], text(frame.event_ts)) ?? contentName(frame);
  }
}

/**
 * By the outer `ts`: the inner one of an edit or deletion is that of the original message, and several edits share it.
 * An ephemeral message reaches one user only, so `ts` alone may serve twice.
 */
function messageName(frame: JsonObject): Name | undefined {
  const channel = idOf(frame.channel);
  const ts = firstText(frame.ts, frame.event_ts);
  if (channel === '' || ts === '') return undefined;
  const ephemeral = frame.is_ephemeral === true ? [idOf(frame.user)] : [];
  return { parts: [channel, ts, ...ephemeral], mark: markAt(ts) };
}

/** All parts and `event_ts`: one may add, remove and add the same reaction. `item_user` is not always there. */
function reactionName(frame: JsonObject): Name {
  const parts = [...itemParts(objectAt(frame, 'item')), text(frame.reaction), idOf(frame.user)];
  return timedName(parts, text(frame.event_ts)) ?? contentName(frame);
}

/** Slack: "the combination of event_ts, team_id, user_id or channel_id is intended to be unique", which it is not. */
function timedName(parts: readonly string[], eventTs: string): Name | undefined {
  return eventTs === '' ? undefined : { parts: [...parts, eventTs], mark: markAt(eventTs) };
}

/** @param version Unix seconds of the last change to the object that the event is about */
function versionedName(parts: readonly string[], version: unknown): Name | undefined {
  const seconds = text(version);
  const atMs = slackTimeMs(seconds);
  if (atMs === undefined || atMs === 0 || parts[0] === '') return undefined;
  return { parts: [...parts, seconds], mark: { kind: 'timed', atMs } };
}

/** Of the object that an untimed event is about; the rest may differ between copies (members, previews, presence). */
const TELLING = [
  'id',
  'name',
  'real_name',
  'is_bot',
  'deleted',
  'created',
  'creator',
  'user',
  'topic',
  'purpose',
] as const;

/** Nothing to go by but the object and when it arrived. */
function arrivalName(frame: JsonObject, key: 'user' | 'channel'): Name {
  const id = idOf(frame[key]);
  if (id === '') return contentName(frame);
  const object = objectAt(frame, key);
  return { parts: [id, `~${contentDigest(TELLING.map((field) => object[field] ?? null))}`], mark: UNTIMED };
}

const contentName = (frame: JsonObject): Name => ({ parts: [`~${contentDigest(frame)}`], mark: UNTIMED });

export function markAt(ts: string): Mark {
  const atMs = slackTimeMs(ts);
  return atMs === undefined ? UNTIMED : { kind: 'timed', atMs };
}

/** What an event of any other type may be about; objects count by their id. */
const REFERENCES = [
  'user',
  'user_id',
  'channel',
  'channel_id',
  'file',
  'file_id',
  'comment',
  'bot',
  'bot_id',
  'subteam',
  'subteam_id',
  'call',
  'view',
  'name',
  'names',
] as const;

function referencesOf(frame: JsonObject): string[] {
  const references = REFERENCES.flatMap((key) => {
    const value = frame[key];
    const found = idOf(value);
    if (found !== '') return [`${key}=${found}`];
    return isObject(value) || Array.isArray(value) ? [`${key}=~${contentDigest(value)}`] : [];
  });
  return isObject(frame.item) ? [...references, `item=${itemParts(frame.item).join('+')}`] : references;
}

/** Where the event is from, not what it says; most of it stands at the front of every id. */
const CONTEXT: ReadonlySet<string> = new Set([
  'type',
  'subtype',
  'event_ts',
  'team',
  'team_id',
  'channel_type',
  'enterprise',
  'enterprise_id',
]);

/**
 * Digest of what the references leave out. Links shared in one message, functions executed at once, states of one user:
 * they differ in nothing else. Empty where the references say it all, as with most events about channels and members.
 */
function unreferencedOf(frame: JsonObject): string[] {
  const unreferenced = Object.entries(frame).filter(
    ([key, value]) => !CONTEXT.has(key) && !isVolatile(key) && !isReferenced(key, value),
  );
  return unreferenced.length === 0 ? [] : [`~${contentDigest(Object.fromEntries(unreferenced))}`];
}

/** `referencesOf` has all of it: a plain id, an object that is no more than its id, or a digest. */
function isReferenced(key: string, value: unknown): boolean {
  if (!REFERENCES.some((reference) => reference === key)) return false;
  if (isObject(value) && idOf(value) !== '') return Object.keys(value).length === 1;
  return isObject(value) || Array.isArray(value) || text(value) !== '';
}

/** What was reacted to, pinned or starred: a message, a file or a comment. */
const itemParts = (item: JsonObject): string[] => [
  text(item.type),
  firstText(idOf(item.channel), idOf(item.file)),
  firstText(item.ts, objectAt(item, 'message').ts, idOf(item.file_comment), idOf(item.comment)),
];
