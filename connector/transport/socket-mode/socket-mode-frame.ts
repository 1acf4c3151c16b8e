import { isObject, type JsonObject } from '../../../core/slack/json-object.ts';
import { objectAt, text } from '../../event/frame-field.ts';
import type { Frame } from '../transport.ts';
import { decodeEnvelope, malformed } from './envelope-frame.ts';

/** Slack closes the socket some seconds later, or as soon as its successor is there. */
const LEAVING: Frame = { kind: 'leaving' };
const DISABLED: Frame = {
  kind: 'refused',
  refusal: {
    reason: 'SocketModeDisabled',
    error: 'link_disabled',
    message:
      'Socket Mode was switched off for this app, so Slack closed its sockets. Switch it on at api.slack.com/apps, ' +
      '"Socket Mode". Relax asks again by itself.',
  },
};
const TOO_MANY: Frame = {
  kind: 'closing',
  trouble: {
    reason: 'TooManyWebsockets',
    message:
      'Slack has as many websockets of this app as it allows (10). Stop other programs that use the app-level token, or ' +
      'lower spec.replicas: all clusters together count. Relax tries again ever more slowly.',
  },
};

/**
 * What a text frame of a Socket Mode socket is (docs.slack.dev/apis/events-api/using-socket-mode). Never throws. Whatever
 * names an envelope can be acknowledged, however odd the rest is: Slack switches the events of an app off when too many of
 * them stay unacknowledged.
 */
export function decodeSocketModeFrame(textFrame: string): Frame {
  let frame: unknown;
  try {
    frame = JSON.parse(textFrame);
  } catch {
    return malformed('not_json', readableID(textFrame));
  }
  if (!isObject(frame)) return malformed('not_an_object', readableID(textFrame));
  switch (frame.type) {
    case 'hello':
      return helloOf(frame);
    case 'disconnect':
      return disconnectOf(text(frame.reason));
    default:
      return decodeEnvelope(frame, textFrame);
  }
}

function helloOf(frame: JsonObject): Frame {
  const sockets = frame.num_connections;
  const appID = text(objectAt(frame, 'connection_info').app_id);
  return {
    kind: 'hello',
    ...(typeof sockets === 'number' && Number.isSafeInteger(sockets) && sockets >= 0 ? { sockets } : {}),
    ...(appID === '' ? {} : { appID }),
  };
}

function disconnectOf(reason: string): Frame {
  switch (reason) {
    case 'link_disabled':
      return DISABLED;
    case 'too_many_websockets':
      return TOO_MANY;
    // `warning`, `refresh_requested`, and whatever Slack comes up with: it will close the socket.
    default:
      return LEAVING;
  }
}

/** In a string it would be written `\"envelope_id\"`, so that no event can put it here. */
const ENVELOPE_ID = /"envelope_id"\s{0,16}:\s{0,16}"([\w-]{1,200})"/;

/** Of a frame that can't be read as a whole. */
const readableID = (textFrame: string): string => ackIn(textFrame) ?? '';

/** The envelope that a text names which can't be read as a whole. @param edges the beginning and the end of the text */
export const ackIn = (edges: string): string | undefined => ENVELOPE_ID.exec(edges)?.[1];
