import { isObject, type JsonObject } from '../../../core/slack/json-object.ts';
import type { Envelope } from '../../event/envelope.ts';
import { firstText, idOf, objectAt, text } from '../../event/frame-field.ts';
import type { Frame } from '../transport.ts';
import { memberText, withoutMember } from './json-span.ts';

const NOISE: Frame = { kind: 'noise' };
const KNOWN_TYPES: ReadonlySet<unknown> = new Set(['events_api', 'slash_commands', 'interactive']);

/** @param id of the envelope; empty if there is none */
export const malformed = (reason: string, id: string): Frame =>
  id === '' ? { kind: 'malformed', reason } : { kind: 'malformed', reason, ack: id };

/**
 * What a frame is that is neither hello nor disconnect: an envelope, as a rule.
 * @param textFrame the JSON that `frame` was parsed from
 */
export function decodeEnvelope(frame: JsonObject, textFrame: string): Frame {
  const id = text(frame.envelope_id);
  const { type } = frame;
  if (typeof type !== 'string' || type === '') return malformed('no_type', id);
  // Without an envelope: something new about the socket.
  if (id === '' && !KNOWN_TYPES.has(type)) return NOISE;
  const payload = payloadOf(frame, textFrame);
  if (payload === undefined) return malformed('no_payload', id);
  const content = contentOf(type, frame, payload);
  if (content === undefined) return malformed('no_event', id);
  const event: Frame = {
    kind: 'event',
    event: content.event,
    text: content.text,
    envelope: envelopeOf(type, frame, payload.fields, content.outer),
  };
  return id === '' ? event : { ...event, ack: id };
}

/** An object, the JSON document that it was parsed from, and where it stands in there (`memberText`). */
interface Payload {
  fields: JsonObject;
  json: string;
  path: readonly string[];
}

const IN_FRAME = ['payload'];
const WHOLE: readonly string[] = [];

/** Slack sends an object; a text is read as the JSON of one. */
function payloadOf({ payload }: JsonObject, textFrame: string): Payload | undefined {
  if (typeof payload === 'string') return payloadIn(payload);
  return isObject(payload) ? { fields: payload, json: textFrame, path: IN_FRAME } : undefined;
}

function payloadIn(json: string): Payload | undefined {
  try {
    const fields: unknown = JSON.parse(json);
    return isObject(fields) ? { fields, json, path: WHOLE } : undefined;
  } catch {
    return undefined;
  }
}

/** An event, the JSON that it was parsed from, and what was around it. */
interface Content {
  event: JsonObject;
  text: string | undefined;
  outer: JsonObject;
}

/**
 * Nothing but the verification token is taken away. Slack has deprecated it, but whoever has it can still pass for Slack where
 * a program checks it.
 */
function contentOf(type: string, frame: JsonObject, payload: Payload): Content | undefined {
  if (type === 'events_api') {
    const { event, token, ...outer } = payload.fields;
    if (isObject(event) && isName(event.type)) {
      return {
        ...eventOf(event, memberText(payload.json, ...payload.path, 'event'), token),
        outer: { ...outer, ...deliveryOf(frame) },
      };
    }
    // `app_rate_limited` comes without an event inside: it is one.
    if (!isName(outer.type) || outer.type === 'event_callback') return undefined;
  }
  const { payload: _payload, token: _token, ...outer } = frame;
  const { token, ...event } = payload.fields;
  return { event, text: withoutToken(memberText(payload.json, ...payload.path)), outer };
}

const isName = (type: unknown): type is string => typeof type === 'string' && type !== '';

/** An event inside a payload has no token, unless it repeats the payload's. */
function eventOf(event: JsonObject, json: string | undefined, secret: unknown): Pick<Content, 'event' | 'text'> {
  if (event.token === undefined || event.token !== secret) return { event, text: json };
  const { token: _, ...rest } = event;
  return { event: rest, text: withoutToken(json) };
}

const withoutToken = (json: string | undefined): string | undefined =>
  json === undefined ? undefined : withoutMember(json, 'token');

const DELIVERY = ['envelope_id', 'retry_attempt', 'retry_reason'];

/** How the event came, of which its payload says nothing. */
const deliveryOf = (frame: JsonObject): JsonObject =>
  Object.fromEntries(DELIVERY.filter((key) => frame[key] !== undefined).map((key) => [key, frame[key]]));

function envelopeOf(type: string, frame: JsonObject, payload: JsonObject, outer: JsonObject): Envelope {
  const authorizations = authorizationsOf(payload);
  const [authorization = {}] = authorizations;
  const user = objectAt(payload, 'user');
  const view = objectAt(payload, 'view');
  const enterpriseID = firstText(
    payload.context_enterprise_id,
    payload.enterprise_id,
    idOf(payload.enterprise),
    authorization.enterprise_id,
    objectAt(payload, 'team').enterprise_id,
  );
  const teamID = firstText(
    payload.context_team_id,
    // In a channel shared with another organization a view may be used outside of the workspace that has the app.
    workspace(view.app_installed_team_id),
    payload.team_id,
    idOf(payload.team),
    authorization.team_id,
    // Of an organization that has the app as a whole, an interaction may name no workspace.
    user.team_id,
    view.team_id,
    enterpriseID,
  );
  return {
    type,
    id: text(frame.envelope_id),
    // An event never takes one, whatever the frame says: its acknowledgement would wait for nothing.
    takesAnswer: frame.accepts_response_payload === true && type !== 'events_api',
    isSentAgain: type === 'events_api',
    appID: firstText(payload.api_app_id, view.app_id),
    teamID,
    enterpriseID,
    botUserID: botUserOf(authorizations, teamID),
    eventID: type === 'events_api' ? text(payload.event_id) : '',
    outer,
  };
}

/** The id of a workspace, not that of an organization. */
const workspace = (id: unknown): string => (text(id).startsWith('T') ? text(id) : '');

const authorizationsOf = ({ authorizations }: JsonObject): readonly JsonObject[] =>
  Array.isArray(authorizations) ? authorizations.filter(isObject) : [];

/** The app sees an event by its bot, or by a person who has installed it. */
function botUserOf(authorizations: readonly JsonObject[], teamID: string): string {
  const bots = authorizations.filter(({ is_bot }) => is_bot === true);
  return text((bots.find(({ team_id }) => team_id === teamID) ?? bots[0])?.user_id);
}
