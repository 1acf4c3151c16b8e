import type { EventSource } from '../event/event-source.ts';
import type { FilterReason } from '../event/filter.ts';
import { type Normalized, normalize } from '../event/normalize.ts';
import type { PendingReply, ReplyDesk } from '../reply/reply-desk.ts';
import type { EventFrame, Transport } from '../transport/transport.ts';
import type { Unacknowledged } from './unacknowledged.ts';

export interface FrameContext {
  replies: ReplyDesk;
  /** The transport's. */
  answer: Transport['answer'];
  receivedAtMs: number;
}

/**
 * From an event's frame to what the publisher takes. If its source wants answers and it takes one, the item says where to, and
 * the envelope waits for it.
 * @param source whom it is from, or why it is not wanted
 * @param waiting undefined if Slack expects no acknowledgement
 */
export function normalizeFrame(
  frame: EventFrame,
  source: EventSource | FilterReason,
  waiting: Unacknowledged | undefined,
  context: FrameContext,
): Normalized {
  if (typeof source === 'string') return { kind: 'filtered', reason: source };
  const { event, text, envelope } = frame;
  const reply = source.replies === true ? awaitReply(frame, waiting, context) : undefined;
  return normalize(event, source, context.receivedAtMs, { text, envelope, reply: reply?.address });
}

function awaitReply(
  { envelope, ack }: EventFrame,
  waiting: Unacknowledged | undefined,
  { replies, answer }: FrameContext,
): PendingReply | undefined {
  if (envelope === undefined) return undefined;
  if (!envelope.takesAnswer || ack === undefined || waiting === undefined || answer === undefined) {
    replies.takesNone(envelope.id);
    return undefined;
  }
  const textOf = (payload: string): string => answer(ack, payload);
  const pending = replies.open(envelope.id, textOf, (payload) => waiting.answered(payload));
  waiting.awaitReply(pending);
  return pending;
}
