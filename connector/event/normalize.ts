import { fenceField } from '../../core/protocol/keys.ts';
import type { QueueItem, ReplyAddress } from '../../core/protocol/queue-item.ts';
import { isObject } from '../../core/slack/json-object.ts';
import { attachmentsOf } from './attachments.ts';
import { type Envelope, eventTypeOf } from './envelope.ts';
import { identifyInEnvelope } from './envelope-identity.ts';
import type { EventSource, RefusedBot } from './event-source.ts';
import { type FilterReason, filterReason, isOwn, isTransport } from './filter.ts';
import { firstText, objectAt, text } from './frame-field.ts';
import { disableBotIdentity, type Identity, identify } from './identity.ts';
import { isoTime } from './iso-time.ts';
import type { Mark } from './mark.ts';
import { bareFields, type RelaxFields, relaxFields } from './relax-fields.ts';
import { isUrgent } from './urgency.ts';

/** An event on its way to the queue. */
export interface NormalizedEvent {
  kind: 'event';
  item: QueueItem;
  /** What `item.event` was parsed from; undefined for an event that Relax made itself. */
  eventText: string | undefined;
  mark: Mark;
  /** Chooses the queue shard (`shardOf`): the team of the identity, so that all copies of the event meet in one shard. */
  shardKey: string;
  /** Goes before other events, and to the urgent list where there is one. */
  urgent: boolean;
  /** What the fence is asked before the event is queued: field of the fence hash and the assignment's generation. */
  fence: { field: string; generation: number };
}

export type Normalized =
  | NormalizedEvent
  | { kind: 'filtered'; reason: FilterReason }
  /** Not an event at all. A known event with unexpected fields is still queued. */
  | { kind: 'malformed' }
  /** Dropped unread: too large to be an event. */
  | { kind: 'tooLarge' };

/** What came with a frame. */
export interface FrameContext {
  /** The JSON that the frame was parsed from, for the item's `event`. */
  text?: string | undefined;
  envelope?: Envelope | undefined;
  /** Where the application answers. */
  reply?: ReplyAddress | undefined;
}

/**
 * From a decoded Slack frame to the queue item. Never throws.
 * @param frame Slack's event, without its envelope
 */
export function normalize(
  frame: unknown,
  source: EventSource,
  receivedAtMs: number,
  { text: frameText, envelope, reply }: FrameContext = {},
): Normalized {
  if (!isObject(frame)) return { kind: 'malformed' };
  const { name, kind: slackType } = eventTypeOf(frame, envelope);
  const isAboutSocket = envelope === undefined && (isTransport(name) || (name === '' && frame.reply_to !== undefined));
  if (isAboutSocket) return { kind: 'filtered', reason: 'transport' };
  if (name === '') return { kind: 'malformed' };
  const fields = relaxFields(frame, receivedAtMs, envelope);
  const botUserID = firstText(envelope?.botUserID, source.botUserID);
  const own = isOwn(
    { type: fields.type, user: fields.user_uid, appID: firstText(frame.app_id, objectAt(frame, 'bot_profile').app_id) },
    { botUserID, appID: envelope?.appID ?? '' },
  );
  const names = { type: fields.type, slackType, own };
  const reason = filterReason(source.events, names);
  if (reason !== undefined) return { kind: 'filtered', reason };
  const identity = envelope === undefined ? identify(frame, source) : identifyInEnvelope(frame, envelope, source);
  return toEvent(source, fields, identity, {
    team_uid: firstText(envelope?.teamID, source.teamID),
    relax_bot_uid: botUserID,
    attachments: attachmentsOf(frame),
    event: frame,
    eventText: frameText?.trim(),
    envelope: envelope?.outer,
    reply,
    urgent: isUrgent(source.events, names, envelope),
    receivedAtMs,
  });
}

/**
 * Tells the application that Slack permanently refuses the token: one item per token in 30 days, however many sockets and
 * clusters notice. `include` does not hold it back, `exclude` does.
 * @param slackError Slack's error code, such as `invalid_auth`
 */
export function disableBot(source: RefusedBot, slackError: string, nowMs: number): Normalized {
  const type = 'disable_bot';
  if (source.events.exclude.includes(type)) return { kind: 'filtered', reason: 'excluded' };
  return toEvent(source, bareFields(type, nowMs), disableBotIdentity(source), {
    team_uid: source.teamID,
    relax_bot_uid: '',
    attachments: null,
    event: { type, error: text(slackError) },
    eventText: undefined,
    urgent: isUrgent(source.events, { type, slackType: type }, undefined),
    receivedAtMs: nowMs,
  });
}

/** The first twelve fields come in the order of 2015. */
function toEvent(
  source: Omit<EventSource, 'slackTeamID' | 'botUserID'>,
  fields: RelaxFields,
  identity: Identity,
  rest: Pick<QueueItem, 'team_uid' | 'relax_bot_uid' | 'attachments' | 'event' | 'envelope' | 'reply'> &
    Pick<NormalizedEvent, 'eventText' | 'urgent'> & { receivedAtMs: number },
): NormalizedEvent {
  return {
    kind: 'event',
    item: {
      type: fields.type,
      user_uid: fields.user_uid,
      channel_uid: fields.channel_uid,
      team_uid: rest.team_uid,
      im: fields.im,
      text: fields.text,
      relax_bot_uid: rest.relax_bot_uid,
      timestamp: fields.timestamp,
      provider: 'slack',
      event_timestamp: fields.event_timestamp,
      namespace: source.queueNamespace,
      attachments: rest.attachments,
      id: identity.id,
      bot: source.bot,
      event: rest.event,
      ...(rest.envelope === undefined ? {} : { envelope: rest.envelope }),
      ...(rest.reply === undefined ? {} : { reply: rest.reply }),
      received_at: isoTime(rest.receivedAtMs),
    },
    eventText: rest.eventText,
    mark: identity.mark,
    shardKey: identity.teamID,
    urgent: rest.urgent,
    fence: { field: fenceField(source.cluster, source.ownerUid), generation: source.generation },
  };
}
