import { expect, it } from 'vitest';
import { encodeRtmMessage } from '#connector/transport/rtm/rtm-message.ts';

it('a message names its number, its channel and its thread', () => {
  const frame = encodeRtmMessage(1_234_567_890, { channel: 'C1', text: 'hi', thread: '1700000000.000001' });
  expect(JSON.parse(frame ?? '')).toEqual({
    id: 1_234_567_890,
    type: 'message',
    channel: 'C1',
    text: 'hi',
    thread_ts: '1700000000.000001',
  });
});

it('a message of no thread names none', () => {
  const frame = encodeRtmMessage(1, { channel: 'C1', text: 'hi' });
  expect(JSON.parse(frame ?? '')).toEqual({ id: 1, type: 'message', channel: 'C1', text: 'hi' });
});

it('a message for which Slack would end the websocket is not made', () => {
  const around = encodeRtmMessage(1, { channel: 'C1', text: '' })?.length ?? 0;
  const longest = 'x'.repeat(16_384 - around);
  expect(encodeRtmMessage(1, { channel: 'C1', text: longest })).toHaveLength(16_384);
  expect(encodeRtmMessage(1, { channel: 'C1', text: `${longest}x` })).toBeUndefined();
  // 4,000 characters, each of which JSON writes as six.
  expect(encodeRtmMessage(1, { channel: 'C1', text: '\u0001'.repeat(4_000) })).toBeUndefined();
});
