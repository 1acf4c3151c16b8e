import type { EventFilter } from '../../core/protocol/assignment.ts';

export type FilterReason =
  | 'transport'
  | 'own'
  | 'excluded'
  | 'not_included'
  | 'lossy'
  /** Of an app's team whose SlackBot is suspended. */
  | 'suspended'
  /** Of an app's team that has no SlackBot, with `unknownTeams: Drop`. */
  | 'unknown_team';

/** Frames about the socket itself. The frame decoder removes them earlier; none may ever reach the queue. */
const TRANSPORT: ReadonlySet<string> = new Set([
  'hello',
  'goodbye',
  'reconnect_url',
  'ping',
  'pong',
  'error',
  'team_migration_started',
]);

export const isTransport = (slackType: string): boolean => TRANSPORT.has(slackType);

/** Momentary states, many per second in a busy team and stale within seconds: queued only if `include` names them. */
const LOSSY: ReadonlySet<string> = new Set([
  'presence_change',
  'manual_presence_change',
  'user_typing',
  'channel_marked',
  'group_marked',
  'im_marked',
  'mpim_marked',
  'thread_marked',
]);

export const isLossy = (slackType: string): boolean => LOSSY.has(slackType);

/** The names by which lists of types call an event: that of its item, and Slack's own or that of its class. */
export interface EventNames {
  type: string;
  slackType: string;
}

export const isNamed = (list: readonly string[], { type, slackType }: EventNames): boolean =>
  list.includes(type) || list.includes(slackType);

/**
 * Both lists match the queue item's type and Slack's own type: `message` matches every message event, `message_new` only
 * plain messages; `interactive` matches every interaction, `block_actions` only those. `exclude` takes precedence over
 * `include`.
 */
export function filterReason(filter: EventFilter, event: EventNames & { own: boolean }): FilterReason | undefined {
  if (isNamed(filter.exclude, event)) return 'excluded';
  if (isLossy(event.slackType) && !isNamed(filter.include, event)) return 'lossy';
  if (filter.include.length > 0 && !isNamed(filter.include, event)) return 'not_included';
  return event.own && !filter.own ? 'own' : undefined;
}

/** What the bot itself has said, in the types of items that answer it would be a loop. */
const SPOKEN: ReadonlySet<string> = new Set(['message_new', 'app_mention']);

/**
 * Whether the bot itself has said it. Where Slack does not name the bot, because the app sees the event by a person who has
 * installed it, the app's own messages are known by the app. Only then: the same app may speak in another team of a shared
 * channel.
 * @param appID of the app that got the event; empty over RTM
 */
export function isOwn(
  { type, user, appID: fromApp }: { type: string; user: string; appID: string },
  { botUserID, appID }: { botUserID: string; appID: string },
): boolean {
  if (!SPOKEN.has(type)) return false;
  return botUserID === '' ? appID !== '' && fromApp === appID : user === botUserID;
}
