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

/**
 * Both lists match the queue item's type and Slack's own type: `message` matches every message event, `message_new` only
 * plain messages. `exclude` takes precedence over `include`.
 */
export function filterReason(
  filter: EventFilter,
  event: { type: string; slackType: string; own: boolean },
): FilterReason | undefined {
  const named = (list: readonly string[]): boolean => list.includes(event.type) || list.includes(event.slackType);
  if (named(filter.exclude)) return 'excluded';
  if (LOSSY.has(event.slackType) && !named(filter.include)) return 'lossy';
  if (filter.include.length > 0 && !named(filter.include)) return 'not_included';
  return event.own && !filter.own ? 'own' : undefined;
}
