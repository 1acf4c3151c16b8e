import type { Frame } from '../frames.ts';
import type { Posted } from '../post.ts';

/** What a client asked for over its socket. `other`: presence_sub and the like, which Slack does not answer either. */
export type ClientRequest =
  | { kind: 'ping' }
  | { kind: 'message'; post: Posted; ts: string }
  /** A message that came too soon. */
  | { kind: 'tooFast' }
  | { kind: 'typing'; channel: string }
  | { kind: 'other' }
  | { kind: 'bad' };

/** RTM messages are cut off at 4000 characters (docs.slack.dev, legacy RTM API). */
const maxTextLength = 4000;

/** What an answer to a message depends on. */
export type Speaking = {
  /** Asked only for a message that is accepted. */
  nextTimestamp(): string;
  /** Takes a message of the socket's pace; false if it is too soon for one. */
  mayPost(): boolean;
  /** Slack's error to a message for that channel; undefined if the bot may post there. */
  refusal(channel: string): string | undefined;
};

/**
 * Slack's answer to one text frame of a client (undefined: a binary one). Error codes 2 (docs.slack.dev, legacy RTM API) and
 * -1 (slack-go, `handleAck`) were seen at Slack; 3 is this stand-in's choice.
 */
export function answerClientFrame(
  text: string | undefined,
  speaking: Speaking,
): { request: ClientRequest; reply: Frame | undefined } {
  const frame = parse(text);
  if (frame === undefined) {
    return {
      request: { kind: 'bad' },
      reply: { type: 'error', error: { code: 3, msg: 'frame is not a JSON object' } },
    };
  }
  const channel = typeof frame.channel === 'string' ? frame.channel : '';
  switch (frame.type) {
    case 'ping':
      return { request: { kind: 'ping' }, reply: pong(frame) };
    case 'message':
      return answerMessage(frame, channel, speaking);
    case 'typing':
      return { request: { kind: 'typing', channel }, reply: undefined };
    default:
      return { request: { kind: 'other' }, reply: undefined };
  }
}

/** A pong echoes every flat argument of its ping, the id as `reply_to`. */
function pong(ping: Frame): Frame {
  const { id, type: _, ...rest } = ping;
  const echoed = Object.entries(rest).filter(([, value]) => value === null || typeof value !== 'object');
  return { ...(id === undefined ? {} : { reply_to: id }), type: 'pong', ...Object.fromEntries(echoed) };
}

function answerMessage(frame: Frame, channel: string, speaking: Speaking): { request: ClientRequest; reply: Frame } {
  const refuse = (msg: string): { request: ClientRequest; reply: Frame } => ({
    request: { kind: 'bad' },
    reply: { ok: false, reply_to: frame.id, error: { code: 2, msg } },
  });
  const text = frame.text;
  if (typeof text !== 'string' || text === '') return refuse('message text is missing');
  if (text.length > maxTextLength) return refuse('message text is too long');
  if (channel === '') return refuse('message channel is missing');
  if (!speaking.mayPost()) {
    const error = { code: -1, msg: 'slow down, too many messages...' };
    return { request: { kind: 'tooFast' }, reply: { ok: false, reply_to: frame.id, error } };
  }
  const refused = speaking.refusal(channel);
  if (refused !== undefined) return refuse(refused);
  const threadTs = typeof frame.thread_ts === 'string' && frame.thread_ts !== '' ? frame.thread_ts : undefined;
  const post = { channel, text, threadTs, blocks: undefined, username: undefined };
  const ts = speaking.nextTimestamp();
  return { request: { kind: 'message', post, ts }, reply: { ok: true, reply_to: frame.id, ts, text } };
}

function parse(text: string | undefined): Frame | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Frame) : undefined;
  } catch {
    return undefined;
  }
}
