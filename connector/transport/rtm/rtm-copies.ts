import type { JsonObject } from '../../../core/slack/json-object.ts';
import { isLossy } from '../../event/filter.ts';
import { firstText, idOf, text } from '../../event/frame-field.ts';
import type { SlackSelf } from '../transport.ts';

/**
 * Identifies an event that Slack sends to every socket of a token, among those of the last minutes. "Almost everything" is
 * (https://docs.slack.dev/legacy/legacy-rtm-api). Undefined for what is not, or may not be:
 * - momentary states, such as who is typing and who is present: a socket gets those that it subscribed to
 * - ephemeral messages, which Slack shows once and keeps nowhere
 * - the bot's own messages, and what answers them: the socket that one was sent over gets the answer instead of the event
 * - events without a time of their own, since nothing tells them from a copy that Slack repeats over one socket
 */
export function copiedEvent(event: JsonObject, { botUserID }: Pick<SlackSelf, 'botUserID'>): string | undefined {
  const type = text(event.type);
  const time = firstText(event.event_ts, event.ts);
  if (time === '' || event.reply_to !== undefined || event.is_ephemeral === true || isLossy(type)) return undefined;
  const isOwn = type === 'message' && botUserID !== '' && text(event.user) === botUserID;
  return isOwn ? undefined : `${type}/${idOf(event.channel)}/${time}`;
}
