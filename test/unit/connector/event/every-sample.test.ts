import { describe, expect, it } from 'vitest';
import { itemJson } from '#connector/event/item-json.ts';
import type { NormalizedEvent } from '#connector/event/normalize.ts';
import {
  documentedEventsApiPayloads,
  documentedRtmFrames,
  eventsApiPayloads,
  interactions,
  rtmFrames,
} from '#test/support/corpus.ts';
import { filled, TOKEN } from './filled.ts';
import { itemOf, throughRtm, throughSocketMode } from './through.ts';

type Fields = Record<string, unknown>;

const TRANSPORT = ['hello', 'goodbye', 'error', 'reconnect_url', 'team_migration_started'];
const overRtm = [
  ...[...rtmFrames(), ...documentedRtmFrames()].map(({ name, frame }): [string, Fields] => [name, frame]),
  ...[...eventsApiPayloads(), ...documentedEventsApiPayloads()]
    .filter(({ payload }) => 'event' in payload)
    .map(({ name, payload }): [string, Fields] => [name, payload.event as Fields]),
].filter(([, frame]) => !TRANSPORT.includes(String(frame.type)));
const overSocketMode = [
  ...[...eventsApiPayloads(), ...documentedEventsApiPayloads()].map((sample) => ({ ...sample, type: 'events_api' })),
  ...rtmFrames().map(({ name, frame }) => ({ name, type: 'events_api', payload: wrapped(frame) })),
  ...interactions(),
];

function wrapped(event: Fields): Fields {
  return { token: '', team_id: '', api_app_id: '', event, type: 'event_callback', event_id: '', event_time: 123 };
}

/** Every field has its type, whatever Slack left out. */
function expectItem(event: NormalizedEvent): void {
  const item = itemOf(event);
  expect(itemJson(event)).toBe(JSON.stringify(event.item));
  for (const field of ['type', 'id', 'event_timestamp', 'received_at', 'bot'] as const)
    expect(item[field]).not.toBe('');
  expect(item.id.split('/').length).toBeGreaterThanOrEqual(4);
}

describe('every sample of Slack reaches the queue', () => {
  it.each(overRtm)('over RTM: %s', (_name, frame) => {
    for (const values of [frame, filled(frame)]) {
      const event = throughRtm(values);
      expectItem(event);
      expect(itemOf(event)).not.toHaveProperty('envelope');
      expect(event.urgent).toBe(false);
    }
  });

  it.each(overSocketMode)('over Socket Mode: $name', ({ type, payload }) => {
    for (const values of [payload, filled(payload)]) {
      const event = throughSocketMode(type, values);
      expectItem(event);
      expect(itemOf(event).envelope).toMatchObject({ envelope_id: 'env-1' });
      expect(event.urgent).toBe(type !== 'events_api');
    }
  });

  it.each(overSocketMode)('without the verification token: $name', ({ type, payload }) => {
    const values = filled(payload) as Fields;
    expect(JSON.stringify(values)).toContain(TOKEN);
    expect(itemJson(throughSocketMode(type, values))).not.toContain(TOKEN);
    expect(itemJson(throughSocketMode(type, JSON.stringify(values)))).not.toContain(TOKEN);
  });

  it.each(overSocketMode)('with nothing else missing: $name', ({ type, payload }) => {
    const values = filled(payload) as Fields;
    const item = itemOf(throughSocketMode(type, values));
    const { token, event, ...outer } = values;
    if (event === undefined) {
      expect(item.event).toEqual(outer);
    } else {
      const { token: repeated, ...inner } = event as Fields;
      expect(item.event).toEqual(repeated === token ? inner : event);
      expect(item.envelope).toMatchObject(outer);
    }
  });
});

describe('an event that Slack sends over both transports', () => {
  const both = [...eventsApiPayloads(), ...documentedEventsApiPayloads()]
    .filter(({ payload }) => 'event' in payload && payload.event !== undefined)
    .filter(({ payload }) => !TRANSPORT.includes(String((payload.event as Fields).type)));

  it.each(both)('has the same Relax fields over each: $name', ({ payload }) => {
    const values = filled(payload) as Fields;
    const { token: _, ...event } = values.event as Fields;
    const overRtm = itemOf(throughRtm(event));
    const overSocketMode = itemOf(throughSocketMode('events_api', { ...values, event }));
    for (const field of [
      'type',
      'user_uid',
      'channel_uid',
      'im',
      'text',
      'timestamp',
      'event_timestamp',
      'attachments',
    ] as const) {
      expect(overSocketMode[field], field).toEqual(overRtm[field]);
    }
    expect(overSocketMode.event).toEqual(overRtm.event);
  });
});
