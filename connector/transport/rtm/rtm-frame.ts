import { isObject } from '../../../core/slack/json-object.ts';
import { objectAt, text } from '../../event/frame-field.ts';
import { closeDetail } from '../../socket/close-detail.ts';
import type { Frame } from '../transport.ts';
import { decodeRtmAnswer } from './rtm-message.ts';

const HELLO: Frame = { kind: 'hello' };
/** Goodbye: Slack will close the socket, some time soon. */
const LEAVING: Frame = { kind: 'leaving' };
/** Slack closes the socket now; rtm.connect may answer migration_in_progress for a while. */
const MIGRATION: Frame = {
  kind: 'closing',
  trouble: {
    reason: 'MigrationInProgress',
    message: "Slack is moving the workspace; it can't be reached until that is done. Relax retries automatically.",
  },
};
const NOISE: Frame = { kind: 'noise' };

/** What a text frame of an RTM socket is (docs.slack.dev/legacy/legacy-rtm-api). Never throws. */
export function decodeRtmFrame(textFrame: string): Frame {
  let frame: unknown;
  try {
    frame = JSON.parse(textFrame);
  } catch {
    return { kind: 'malformed', reason: 'not_json' };
  }
  if (!isObject(frame)) return { kind: 'malformed', reason: 'not_an_object' };
  if (typeof frame.type !== 'string' || frame.type === '') return decodeRtmAnswer(frame);
  switch (frame.type) {
    case 'hello':
      return HELLO;
    case 'goodbye':
      return LEAVING;
    case 'team_migration_started':
      return MIGRATION;
    // The answer to a ping of ours. Any frame shows that Slack is alive, so it does not matter which ping.
    case 'pong':
      return NOISE;
    // "Unsupported and experimental": its URL is not meant to be used and, being a secret, is not kept.
    case 'reconnect_url':
      return NOISE;
    // Instead of hello: code 1, "Socket URL has expired". Later: a frame of ours that Slack could not read.
    case 'error': {
      const error = objectAt(frame, 'error');
      // This ends up in a status, and a peer may quote what we sent or dialed.
      const msg = closeDetail(text(error.msg) || text(frame.error), '');
      return { kind: 'error', code: typeof error.code === 'number' ? error.code : 0, msg };
    }
    default:
      return { kind: 'event', event: frame, text: textFrame };
  }
}

/** @param id positive and rising within the socket; the pong names it */
export const encodeRtmPing = (id: number): string => JSON.stringify({ id, type: 'ping' });
