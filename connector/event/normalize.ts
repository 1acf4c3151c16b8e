import { fenceField } from '../../core/protocol/keys.ts';
import type { QueueItem, ReplyAddress } from '../../core/protocol/queue-item.ts';
import { attachmentsOf } from './attachments.ts';
import type { Envelope } from './envelope.ts';
import type { EventSource, RefusedBot } from './event-source.ts';
import { type FilterReason, filterReason, isTransport } from './filter.ts';
import { isObject, text } from './frame-field.ts';
import { disableBotIdentity, type Identity, identify } from './identity.ts';
import type { Mark } from './mark.ts';
import { bareFields, type RelaxFields, relaxFields } from './relax-fields.ts';

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
 */
export function normalize(
  frame: unknown,
  source: EventSource,
  receivedAtMs: number,
  { text: frameText }: FrameContext = {},
): Normalized {
  if (!isObject(frame)) return { kind: 'malformed' };
  const slackType = typeof frame.type === 'string' ? frame.type : '';
  if (isTransport(slackType)) return { kind: 'filtered', reason: 'transport' };
  if (slackType === '') {
    return frame.reply_to === undefined ? { kind: 'malformed' } : { kind: 'filtered', reason: 'transport' };
  }
  const fields = relaxFields(frame, receivedAtMs);
  const own = fields.type === 'message_new' && source.botUserID !== '' && fields.user_uid === source.botUserID;
  const reason = filterReason(source.events, { type: fields.type, slackType, own });
  if (reason !== undefined) return { kind: 'filtered', reason };
  return toEvent(source, fields, identify(frame, source), {
    relax_bot_uid: source.botUserID,
    attachments: attachmentsOf(frame),
    event: frame,
    eventText: frameText?.trim(),
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
    relax_bot_uid: '',
    attachments: null,
    event: { type, error: text(slackError) },
    eventText: undefined,
    receivedAtMs: nowMs,
  });
}

/** The first twelve fields come in the order of 2015. */
function toEvent(
  source: Omit<EventSource, 'slackTeamID' | 'botUserID'>,
  fields: RelaxFields,
  identity: Identity,
  rest: Pick<QueueItem, 'relax_bot_uid' | 'attachments' | 'event'> &
    Pick<NormalizedEvent, 'eventText'> & { receivedAtMs: number },
): NormalizedEvent {
  return {
    kind: 'event',
    item: {
      type: fields.type,
      user_uid: fields.user_uid,
      channel_uid: fields.channel_uid,
      team_uid: source.teamID,
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
      received_at: new Date(rest.receivedAtMs).toISOString(),
    },
    eventText: rest.eventText,
    mark: identity.mark,
    shardKey: identity.teamID,
    urgent: false,
    fence: { field: fenceField(source.cluster, source.ownerUid), generation: source.generation },
  };
}
