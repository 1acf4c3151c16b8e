import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventTemplate } from '#bench/load/event-template.ts';
import { OPCODE, readClientFrames, serverFrame } from '#bench/load/frame.ts';
import { dueAfter } from '#bench/load/pace.ts';
import { quantile } from '#bench/load/queue-reader.ts';

/** As a client sends it: masked. */
function clientFrame(opcode: number, payload: Buffer): Buffer {
  const mask = Buffer.from([1, 2, 3, 4]);
  const { length } = payload;
  const header =
    length < 126 ? [0x80 | opcode, 0x80 | length] : [0x80 | opcode, 0x80 | 126, length >> 8, length & 0xff];
  const masked = payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  return Buffer.concat([Buffer.from(header), mask, masked]);
}

/** The payload of a server's frame. */
const payloadOf = (frame: Buffer): string => frame.subarray((frame[1] ?? 0) === 126 ? 4 : 2).toString();

describe('frames of a client', () => {
  const frames = fc.array(
    fc.record({ opcode: fc.constantFrom(1, 8, 9, 10), payload: fc.uint8Array({ maxLength: 300 }) }),
    {
      maxLength: 5,
    },
  );

  it('are read as they were sent, however TCP cuts them', () => {
    fc.assert(
      fc.property(frames, fc.integer({ min: 1, max: 50 }), (sent, step) => {
        const bytes = Buffer.concat(sent.map(({ opcode, payload }) => clientFrame(opcode, Buffer.from(payload))));
        const read: { opcode: number; payload: number[] }[] = [];
        let rest: Buffer = Buffer.alloc(0);
        for (let at = 0; at < bytes.length; at += step) {
          const found = readClientFrames(Buffer.concat([rest, bytes.subarray(at, at + step)]));
          rest = found.rest;
          read.push(...found.frames.map(({ opcode, payload }) => ({ opcode, payload: [...payload] })));
        }
        expect(rest).toHaveLength(0);
        expect(read).toEqual(sent.map(({ opcode, payload }) => ({ opcode, payload: [...payload] })));
      }),
    );
  });

  it('of 64 KiB are refused', () => {
    expect(() => readClientFrames(Buffer.from([0x81, 0xff, 0, 0]))).toThrow(RangeError);
  });
});

describe('a frame of the server', () => {
  it.each([0, 125, 126, 65_535])('of %i bytes says how long it is', (length) => {
    const frame = serverFrame(OPCODE.text, Buffer.alloc(length, 'x'));
    expect(payloadOf(frame)).toHaveLength(length);
    if (length > 125) expect(frame.readUInt16BE(2)).toBe(length);
  });
});

describe('an event of a load', () => {
  const place = { team: 4_321, number: 77, tsMicros: 1_790_000_000_000_012, sentMicros: 123_456_789 };

  it('is JSON with its own team, channel, time and number', () => {
    const event = JSON.parse(payloadOf(eventTemplate(390).frameFor(place))) as Record<string, string>;
    expect(event).toMatchObject({
      type: 'message',
      team: 'T0SIM004321',
      user_team: 'T0SIM004321',
      channel: 'C0LOAD04321',
      ts: '1790000000.000012',
      event_ts: '1790000000.000012',
      text: 'sent in a load, number 000000077 0000000123456789',
    });
  });

  it.each([390, 1_024, 4_096, 8_192])('is about as long as asked for: %i bytes', (bytes) => {
    const template = eventTemplate(bytes);
    expect(Math.abs(template.bytes - bytes)).toBeLessThan(130);
    expect(JSON.parse(payloadOf(template.frameFor(place)))).toMatchObject({ ts: '1790000000.000012' });
  });

  it('shares no bytes with the next one', () => {
    const template = eventTemplate(390);
    const first = template.frameFor(place);
    const before = Buffer.from(first);
    template.frameFor({ ...place, number: 78 });
    expect(first).toEqual(before);
  });
});

describe('the pace of a load', () => {
  it.each([
    [0, 1],
    [1, 3],
    [10, 21],
    [999, 1_999],
    [1_000, 2_000],
    [60_000, 2_000],
  ])('after %i ms at 2,000 a second %i of 2,000 events are due', (elapsedMs, due) => {
    expect(dueAfter({ perSecond: 2_000, events: 2_000 }, elapsedMs)).toBe(due);
  });
});

it.each([
  [0.5, 50],
  [0.99, 99],
  [1, 99],
  [0, 0],
])('the quantile %d of 0 to 99 is %d', (share, value) => {
  const sorted = Array.from({ length: 100 }, (_, n) => n);
  expect(quantile(sorted, share)).toBe(value);
});
