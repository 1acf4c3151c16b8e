import type { JsonObject } from '../../../core/slack/json-object.ts';
import { objectAt, text } from '../../event/frame-field.ts';
import type { RtmAnswer, RtmMessage } from '../../outbound/sender.ts';
import { closeDetail } from '../../socket/close-detail.ts';
import type { Frame } from '../transport.ts';

/** Slack disconnects a client for a larger frame (docs.slack.dev/legacy/legacy-rtm-api). */
const MOST_BYTES = 16 * 1024;
/** "slow down, too many messages...": slack-go, `handleAck`. */
const SLOW_DOWN = -1;

/**
 * A message as RTM takes it.
 * @param n the answer names it: a positive integer, unique among all that is sent over the socket
 * @returns undefined if Slack would disconnect the socket for it
 */
export function encodeRtmMessage(n: number, { channel, text: said, thread }: RtmMessage): string | undefined {
  const ofThread = thread === undefined ? {} : { thread_ts: thread };
  const frame = JSON.stringify({ id: n, type: 'message', channel, text: said, ...ofThread });
  return Buffer.byteLength(frame) > MOST_BYTES ? undefined : frame;
}

/** Slack's answer to a message, the one frame without a type: `{ok, reply_to, ts}` or `{ok: false, reply_to, error}`. */
export function decodeRtmAnswer(frame: JsonObject): Frame {
  const { reply_to: n } = frame;
  if (n === undefined) return { kind: 'malformed', reason: 'no_type' };
  // Not of ours: all that we send have numbers.
  if (typeof n !== 'number') return { kind: 'noise' };
  return { kind: 'answer', n, answer: answerIn(frame) };
}

function answerIn(frame: JsonObject): RtmAnswer {
  if (frame.ok === true) return { kind: 'sent', ts: text(frame.ts) };
  const { code, msg } = objectAt(frame, 'error');
  if (code === SLOW_DOWN) return { kind: 'rateLimited' };
  // A peer may quote what we sent.
  const message = closeDetail(text(msg) || text(frame.error), '');
  return { kind: 'refused', code: typeof code === 'number' ? code : 0, message };
}
