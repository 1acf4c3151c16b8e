import type { Frame } from '../frames.ts';

/** What Slack wants to be told of: an envelope before it has an id and an attempt. */
export type EnvelopeDraft = {
  /** events_api, slash_commands, interactive, or anything else. */
  type: string;
  /** Serialised once for all attempts. */
  payloadText: string;
  acceptsResponsePayload: boolean;
  /** Further fields of the envelope, as they are. */
  extra: Frame;
  /** The envelope's id if it must be a certain one. */
  envelopeID: string | undefined;
};

/** How often an event was tried before; slash commands and interactivity, which are never tried again, have none. */
export type Retry = { attempt: number; reason: '' | 'timeout' };

export const draftOf = (type: string, payload: unknown, acceptsResponsePayload: boolean): EnvelopeDraft => ({
  type,
  payloadText: JSON.stringify(payload),
  acceptsResponsePayload,
  extra: {},
  envelopeID: undefined,
});

/** A draft from a raw envelope. What it does not say is as Slack has it for the type. */
export function draftOfRaw(envelope: Frame): EnvelopeDraft {
  const { type, payload, accepts_response_payload: accepts, envelope_id: id, ...extra } = envelope;
  return {
    type: typeof type === 'string' ? type : '',
    payloadText: JSON.stringify(payload ?? null),
    acceptsResponsePayload: typeof accepts === 'boolean' ? accepts : type === 'slash_commands',
    extra,
    envelopeID: typeof id === 'string' ? id : undefined,
  };
}

/** Only events are delivered again (docs.slack.dev/apis/events-api). */
export const isRetried = (type: string): boolean => type === 'events_api';

/** The envelope as it goes on the wire. */
export function envelopeText(draft: EnvelopeDraft, envelopeID: string, retry: Retry): string {
  const head = { envelope_id: envelopeID };
  const tail = {
    type: draft.type,
    accepts_response_payload: draft.acceptsResponsePayload,
    ...(isRetried(draft.type) ? { retry_attempt: retry.attempt, retry_reason: retry.reason } : {}),
    ...draft.extra,
  };
  return `${JSON.stringify(head).slice(0, -1)},"payload":${draft.payloadText},${JSON.stringify(tail).slice(1)}`;
}

/** What Slack says of the connection in its own frames. */
export type ConnectionFacts = {
  appID: string;
  host: string;
  connections: number;
  approximateSeconds: number;
  started: string;
};

export const helloFrame = (facts: ConnectionFacts): Frame => ({
  type: 'hello',
  num_connections: facts.connections,
  debug_info: {
    host: facts.host,
    started: facts.started,
    build_number: 54,
    approximate_connection_time: facts.approximateSeconds,
  },
  connection_info: { app_id: facts.appID },
});

export const disconnectFrame = (reason: string, host: string): Frame => ({
  type: 'disconnect',
  reason,
  debug_info: { host },
});

/** What the eleventh websocket hears, as its first frame. */
export const tooManyFrame = (facts: ConnectionFacts): Frame => ({
  ...disconnectFrame('too_many_websockets', facts.host),
  num_connections: facts.connections,
  connection_info: { app_id: facts.appID },
});
