import { itemJson } from '#connector/event/item-json.ts';
import { type NormalizedEvent, normalize } from '#connector/event/normalize.ts';
import { decodeRtmFrame } from '#connector/transport/rtm/rtm-frame.ts';
import { decodeSocketModeFrame } from '#connector/transport/socket-mode/socket-mode-frame.ts';
import type { QueueItem } from '#core/protocol/queue-item.ts';
import { RECEIVED_AT_MS, sourceOf } from './source.ts';

export type Fields = Record<string, unknown>;

/** What a test says of a delivery; the rest is like any other. */
export interface Delivery {
  envelopeID?: string;
  retry?: number;
  takesAnswer?: boolean;
  source?: Parameters<typeof sourceOf>[0];
}

/** A payload of the Events API around an event: of app A1, to bot UBOT1 of team T1. */
export const payloadOf = (event: Fields, changes: Fields = {}): Fields => ({
  token: 'secret',
  team_id: 'T1',
  api_app_id: 'A1',
  event,
  type: 'event_callback',
  event_id: 'Ev1',
  event_time: 1_700_000_000,
  authorizations: [{ team_id: 'T1', user_id: 'UBOT1', is_bot: true }],
  ...changes,
});

/** A frame of Socket Mode, as Slack orders it. */
export function envelopeFrame(type: string, payload: unknown, delivery: Delivery = {}): string {
  const { envelopeID = 'env-1', retry = 0, takesAnswer = false } = delivery;
  const retryFields = type === 'events_api' ? { retry_attempt: retry, retry_reason: retry === 0 ? '' : 'timeout' } : {};
  return JSON.stringify({
    envelope_id: envelopeID,
    payload,
    type,
    accepts_response_payload: takesAnswer,
    ...retryFields,
  });
}

/** From a frame of Socket Mode to the event on its way to the queue; lossy ones and the bot's own too. */
export function throughSocketMode(type: string, payload: unknown, delivery: Delivery = {}): NormalizedEvent {
  const decoded = decodeSocketModeFrame(envelopeFrame(type, payload, delivery));
  if (decoded.kind !== 'event') throw new Error(`not an event but ${JSON.stringify(decoded)}`);
  return wanted(decoded.event, delivery.source, decoded);
}

/** The same for a frame of RTM. */
export function throughRtm(frame: unknown, source: Delivery['source'] = {}): NormalizedEvent {
  const decoded = decodeRtmFrame(JSON.stringify(frame));
  if (decoded.kind !== 'event') throw new Error(`not an event but ${JSON.stringify(decoded)}`);
  return wanted(decoded.event, source, decoded);
}

function wanted(
  event: Readonly<Record<string, unknown>>,
  source: Delivery['source'],
  context: Parameters<typeof normalize>[3],
): NormalizedEvent {
  const include = [String(event.type), context?.envelope?.type ?? ''];
  const result = normalize(
    event,
    sourceOf({ events: { include, exclude: [], own: true }, ...source }),
    RECEIVED_AT_MS,
    context,
  );
  if (result.kind !== 'event') throw new Error(`not queued but ${JSON.stringify(result)}`);
  return result;
}

/** As a consumer reads it. */
export function itemOf(event: NormalizedEvent): QueueItem & { event: Record<string, unknown> } {
  return JSON.parse(itemJson(event) ?? 'null') as QueueItem & { event: Record<string, unknown> };
}
