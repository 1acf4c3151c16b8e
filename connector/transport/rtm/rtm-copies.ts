import type { JsonObject } from '../../../core/slack/json-object.ts';
import { firstText, idOf, text } from '../../event/frame-field.ts';
import type { SlackSelf } from '../transport.ts';

/**
 * What happens in a team, which Slack sends to every socket of a token that may see it ("almost everything",
 * https://docs.slack.dev/legacy/legacy-rtm-api). Not here: momentary states, such as who is typing and who is present, which a
 * socket gets as it subscribed; what one person has read, opened or starred; and types that nobody knows.
 */
const COPIED: ReadonlySet<string> = new Set([
  'message',
  ...['reaction_added', 'reaction_removed', 'pin_added', 'pin_removed'],
  ...['member_joined_channel', 'member_left_channel'],
  ...['channel_archive', 'channel_created', 'channel_deleted', 'channel_history_changed'],
  ...['channel_rename', 'channel_unarchive'],
  ...['group_archive', 'group_deleted', 'group_history_changed', 'group_rename', 'group_unarchive'],
  ...['file_created', 'file_deleted', 'file_public', 'file_shared', 'file_unshared'],
  ...['subteam_created', 'subteam_members_changed', 'subteam_updated'],
  ...['emoji_changed', 'user_profile_changed', 'user_status_changed', 'user_huddle_changed'],
]);

/**
 * Identifies an event that every socket of a token gets, among those of the last minutes. Undefined for any other, and for what
 * may be one:
 * - ephemeral messages, which Slack shows once and keeps nowhere
 * - the bot's own messages, and what answers them: the socket that one was sent over gets the answer instead of the event
 * - events without a time of their own, since nothing tells them from a copy that Slack repeats over one socket
 */
export function copiedEvent(event: JsonObject, { botUserID }: Pick<SlackSelf, 'botUserID'>): string | undefined {
  const type = text(event.type);
  const time = firstText(event.event_ts, event.ts);
  if (!COPIED.has(type) || time === '' || event.reply_to !== undefined || event.is_ephemeral === true) return undefined;
  const isOwn = type === 'message' && botUserID !== '' && text(event.user) === botUserID;
  return isOwn ? undefined : `${type}/${idOf(event.channel)}/${time}`;
}
