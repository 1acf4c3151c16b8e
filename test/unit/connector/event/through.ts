import { itemJson } from '#connector/event/item-json.ts';
import { type NormalizedEvent, normalize } from '#connector/event/normalize.ts';
import { decodeRtmFrame } from '#connector/transport/rtm/rtm-frame.ts';
import { decodeSocketModeFrame } from '#connector/transport/socket-mode/socket-mode-frame.ts';
import type { QueueItem } from '#core/protocol/queue-item.ts';
import { RECEIVED_AT_MS, sourceOf } from './source.ts';

/** What a test says of a delivery; the rest is like any other. */
export interface Delivery {
  envelopeID?: string;
  retry?: number;
  takesAnswer?: boolean;
  source?: Parameters<typeof sourceOf>[0];
}

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
