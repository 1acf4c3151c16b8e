import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemJson } from '#connector/event/item-json.ts';
import { disableBot, type NormalizedEvent, normalize } from '#connector/event/normalize.ts';
import { eventsApiPayloads, rtmFrames } from '#test/support/corpus.ts';
import { RECEIVED_AT_MS, sourceOf } from './source.ts';

const ALL = { include: [], exclude: [], own: true };

function eventOf(text: string, type?: string): NormalizedEvent {
  const events = type === undefined ? ALL : { ...ALL, include: [type] };
  const result = normalize(JSON.parse(text), sourceOf({ events }), RECEIVED_AT_MS, { text });
  if (result.kind !== 'event') throw new Error(`not an event but ${result.kind}`);
  return result;
}
const payloadOf = (text: string, type?: string): string => itemJson(eventOf(text, type)) ?? 'nothing';

describe('the event of a queue item', () => {
  it.each([
    ['integers beyond 2^53', '{"type":"x","event_ts":"1.1","id":12345678901234567890,"big":-9007199254740993}'],
    ['numbers in their own spelling', '{"type":"x","event_ts":"1.1","a":1.0,"b":1e3,"c":-0,"d":1E400,"e":0.10}'],
    ['keys in their order, numeric ones too', '{"z":1,"type":"x","10":1,"2":2,"event_ts":"1.1","a":{"9":0,"1":0}}'],
    ['escapes as they are', '{"type":"x","event_ts":"1.1","text":"\\u00e9\\/\\ud83d\\ude00 \\ud800 \\n"}'],
    ['keys that stand twice', '{"type":"x","event_ts":"1.1","a":1,"a":2}'],
    ['keys that are none elsewhere', '{"type":"x","event_ts":"1.1","__proto__":{"a":1},"constructor":1}'],
    ['blanks and line breaks inside', '{ "type" : "x",\n\t"event_ts":"1.1" , "a":[ 1 , 2 ] }'],
  ])('is Slack’s own text: %s', (_name, text) => {
    const payload = payloadOf(text);
    expect(payload).toContain(`,"event":${text},"received_at":"`);
    expect(JSON.parse(payload).event).toEqual(JSON.parse(text));
  });

  it('has no blanks around it', () => {
    expect(payloadOf(' \r\n{"type":"x","event_ts":"1.1"}\t\n')).toContain('"event":{"type":"x","event_ts":"1.1"},"rec');
  });

  it('is what Slack sent, beside the same fields as ever, for any JSON', () => {
    const frames = fc.tuple(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(undefined, 1, '\t'));
    fc.assert(
      fc.property(frames, ([rest, space]) => {
        const text = JSON.stringify({ ...rest, type: 'message', channel: 'C1', ts: '1.1' }, undefined, space);
        const event = eventOf(text);
        const payload = itemJson(event) ?? 'nothing';
        expect(payload).toContain(text);
        // By way of a parse, as every reader sees it.
        expect(JSON.parse(payload)).toEqual(JSON.parse(JSON.stringify(event.item)));
        expect(Object.keys(JSON.parse(payload))).toEqual(Object.keys(event.item));
      }),
    );
  });

  it('is what Slack sent for every sample of Slack', () => {
    const frames = [
      ...rtmFrames().map(({ frame }) => frame),
      ...eventsApiPayloads().map(({ payload }) => payload.event),
    ];
    let events = 0;
    for (const frame of frames) {
      const text = JSON.stringify(frame);
      const { type } = frame as { type?: string };
      const result = normalize(frame, sourceOf({ events: { ...ALL, include: [type ?? ''] } }), RECEIVED_AT_MS, {
        text,
      });
      if (result.kind !== 'event') continue;
      events += 1;
      expect(itemJson(result)).toBe(JSON.stringify(result.item));
    }
    expect(events).toBeGreaterThan(150);
  });

  it('is encoded again where UTF-8 cannot hold the text, or where Relax made the event', () => {
    const text = '{"type":"x","event_ts":"1.1","text":"\ud800"}';
    expect(JSON.parse(Buffer.from(payloadOf(text)).toString()).event).toEqual(JSON.parse(text));
    const made = disableBot(sourceOf(), 'invalid_auth', RECEIVED_AT_MS);
    expect(made.kind === 'event' && itemJson(made)).toBe(made.kind === 'event' && JSON.stringify(made.item));
  });

  it('that no consumer could parse counts as malformed', () => {
    const nested = (levels: number): string =>
      `{"type":"x","event_ts":"1.1","v":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    expect(itemJson(eventOf(nested(200_000)))).toBeUndefined();
    expect(itemJson(eventOf(nested(2_500)))).toContain('"event":{');
    const brackets = `{"type":"x","event_ts":"1.1","v":"${'[{\\"\\\\'.repeat(20_000)}"}`;
    expect(payloadOf(brackets)).toContain(brackets);
    const wide = `{"type":"x","event_ts":"1.1","v":[${'[[]],'.repeat(20_000)}0]}`;
    expect(payloadOf(wide)).toContain(wide);
  });
});
