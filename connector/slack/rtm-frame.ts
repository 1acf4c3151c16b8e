import { isObject, objectAt, text } from '../event/frame-field.ts';
import { closeDetail } from '../socket/close-detail.ts';

/** What a text frame of an RTM socket is (docs.slack.dev/legacy/legacy-rtm-api). */
export type RtmFrame =
  /** First frame of a working socket. */
  | { kind: 'hello' }
  /** Slack will close the socket, some time soon. */
  | { kind: 'goodbye' }
  /** Slack closes the socket now; rtm.connect may answer migration_in_progress for a while. */
  | { kind: 'migrationStarted' }
  /** Answer to a ping of ours; any frame shows that Slack lives, so nobody asks to which. */
  | { kind: 'pong' }
  /** Instead of hello: code 1, "Socket URL has expired". Later: a frame of ours that Slack could not read. */
  | { kind: 'error'; code: number; msg: string }
  /** "Unsupported and experimental": its URL is not for use, and being a secret it is not kept. */
  | { kind: 'reconnectUrl' }
  /** Acknowledges a message that we sent: it alone has no type. */
  | { kind: 'reply' }
  /** For the normalizer, which knows what is worth queueing. */
  | { kind: 'event'; frame: Readonly<Record<string, unknown>> }
  | { kind: 'malformed'; reason: MalformedFrame };

export type MalformedFrame = 'not_json' | 'not_an_object' | 'no_type';

/** Never throws. */
export function decodeRtmFrame(textFrame: string): RtmFrame {
  let frame: unknown;
  try {
    frame = JSON.parse(textFrame);
  } catch {
    return { kind: 'malformed', reason: 'not_json' };
  }
  if (!isObject(frame)) return { kind: 'malformed', reason: 'not_an_object' };
  if (typeof frame.type !== 'string' || frame.type === '') {
    if (frame.reply_to === undefined) return { kind: 'malformed', reason: 'no_type' };
    return { kind: 'reply' };
  }
  switch (frame.type) {
    case 'hello':
    case 'goodbye':
      return { kind: frame.type };
    case 'team_migration_started':
      return { kind: 'migrationStarted' };
    case 'reconnect_url':
      return { kind: 'reconnectUrl' };
    case 'pong':
      return { kind: 'pong' };
    case 'error': {
      const error = objectAt(frame, 'error');
      // It ends up in a status, and a peer may quote what we sent or dialed.
      const msg = closeDetail(text(error.msg) || text(frame.error), '');
      return { kind: 'error', code: typeof error.code === 'number' ? error.code : 0, msg };
    }
    default:
      return { kind: 'event', frame };
  }
}

/** @param id positive and rising within the socket; the pong names it */
export const encodeRtmPing = (id: number): string => JSON.stringify({ id, type: 'ping' });
