import { isObject, type JsonObject } from '../../core/slack/json-object.ts';
import { type Envelope, eventTypeOf } from './envelope.ts';
import { firstText, idOf, objectAt, text } from './frame-field.ts';

/**
 * The type of a frame in the Relax of 2015, and the fields that depend on the type. docs/redis.md, "Queue items", has the
 * same table for people.
 */
export interface RelaxFields {
  type: string;
  user_uid: string;
  channel_uid: string;
  im: boolean;
  text: string;
  timestamp: string;
  event_timestamp: string;
}

/** Direct messages only: Slack's ids of group conversations start with C or G. */
const isDirect = (channel: string): boolean => channel.startsWith('D');

/** Unix time in nanoseconds, 19 digits: what Relax wrote for events that carry no time of their own. */
const clockTimestamp = (nowMs: number): string => `${Math.trunc(nowMs)}000000`;

/** @param envelope undefined over RTM */
export function relaxFields(frame: JsonObject, nowMs: number, envelope?: Envelope): RelaxFields {
  if (envelope === undefined) return eventFields(frame, nowMs);
  switch (envelope.type) {
    case 'events_api':
      return eventFields(frame, nowMs);
    case 'slash_commands':
      return commandFields(frame, nowMs);
    case 'interactive':
      return interactionFields(eventTypeOf(frame, envelope).name, frame, nowMs);
    default:
      return { ...otherFields(frame, nowMs), type: envelope.type };
  }
}

function eventFields(frame: JsonObject, nowMs: number): RelaxFields {
  switch (text(frame.type)) {
    case 'message':
      return messageFields(frame, nowMs);
    case 'reaction_added':
    case 'reaction_removed':
      return reactionFields(frame, nowMs);
    case 'team_join':
      return { ...bareFields('team_joined', nowMs), user_uid: idOf(frame.user) };
    case 'im_created':
      return {
        ...bareFields('im_created', nowMs),
        user_uid: idOf(frame.user),
        channel_uid: idOf(frame.channel),
        im: true,
      };
    case 'channel_joined':
    case 'group_joined':
      return joinedFields(frame, nowMs);
    default:
      return otherFields(frame, nowMs);
  }
}

/** An event without user, channel, text or time. */
export const bareFields = (type: string, nowMs: number): RelaxFields => ({
  type,
  user_uid: '',
  channel_uid: '',
  im: false,
  text: '',
  timestamp: '',
  event_timestamp: clockTimestamp(nowMs),
});

function messageFields(frame: JsonObject, nowMs: number): RelaxFields {
  const channel = idOf(frame.channel);
  const outerTs = text(frame.ts);
  const subtype = text(frame.subtype);
  const fields: RelaxFields = {
    type: subtype === '' ? 'message_new' : 'message',
    user_uid: idOf(frame.user),
    channel_uid: channel,
    im: isDirect(channel),
    text: text(frame.text),
    timestamp: outerTs,
    event_timestamp: outerTs || clockTimestamp(nowMs),
  };
  if (subtype === 'message_changed' && isObject(frame.message)) {
    const { user, text: said, ts } = frame.message;
    return { ...fields, type: 'message_edited', user_uid: idOf(user), text: text(said), timestamp: text(ts) };
  }
  // The outer frame's user and text, which are usually absent: Relax never read `previous_message`.
  if (subtype === 'message_deleted') return { ...fields, type: subtype, timestamp: text(frame.deleted_ts) };
  return fields;
}

function reactionFields(frame: JsonObject, nowMs: number): RelaxFields {
  const item = objectAt(frame, 'item');
  const channel = idOf(item.channel);
  return {
    type: text(frame.type),
    user_uid: idOf(frame.user),
    channel_uid: channel,
    im: isDirect(channel),
    text: text(frame.reaction),
    timestamp: text(item.ts),
    event_timestamp: text(frame.event_ts) || clockTimestamp(nowMs),
  };
}

function joinedFields(frame: JsonObject, nowMs: number): RelaxFields {
  const channel = idOf(frame.channel);
  const minute = Math.floor(nowMs / 60_000) * 60;
  const time = `channel-joined-${minute}-${channel}`;
  return { ...bareFields('channel_joined', nowMs), channel_uid: channel, timestamp: time, event_timestamp: time };
}

/** Events that the Relax of 2015 had no name for: Slack's type, and those of the fields that the frame has. */
function otherFields(frame: JsonObject, nowMs: number): RelaxFields {
  const item = objectAt(frame, 'item');
  // Events of assistants have all that tells whom they are about in here.
  const thread = objectAt(frame, 'assistant_thread');
  const channel = firstText(idOf(frame.channel), frame.channel_id, idOf(item.channel), thread.channel_id);
  return {
    type: text(frame.type),
    user_uid: firstText(idOf(frame.user), frame.user_id, thread.user_id),
    channel_uid: channel,
    im: isDirect(channel),
    text: text(frame.text),
    timestamp: firstText(frame.ts, item.ts, thread.thread_ts),
    event_timestamp: firstText(frame.event_ts, frame.ts) || clockTimestamp(nowMs),
  };
}

/** `text` is what follows the command, which is in `event.command`. */
function commandFields(payload: JsonObject, nowMs: number): RelaxFields {
  const channel = text(payload.channel_id);
  return {
    ...bareFields('slash_commands', nowMs),
    user_uid: text(payload.user_id),
    channel_uid: channel,
    im: isDirect(channel),
    text: text(payload.text),
  };
}

/** Somebody used a button, a menu, a shortcut or a view. `timestamp` is the message that it belongs to. */
function interactionFields(type: string, payload: JsonObject, nowMs: number): RelaxFields {
  const container = objectAt(payload, 'container');
  const message = objectAt(payload, 'message');
  const channel = firstText(idOf(payload.channel), container.channel_id);
  return {
    type,
    user_uid: idOf(payload.user),
    channel_uid: channel,
    im: isDirect(channel),
    // A message shortcut is about what somebody has written; anything else is about a message of the app itself.
    text: type === 'message_action' ? text(message.text) : '',
    timestamp: firstText(payload.message_ts, container.message_ts, message.ts),
    event_timestamp: firstText(payload.action_ts, firstAction(payload).action_ts) || clockTimestamp(nowMs),
  };
}

function firstAction({ actions }: JsonObject): JsonObject {
  const [first]: unknown[] = Array.isArray(actions) ? actions : [];
  return isObject(first) ? first : {};
}
