import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type FrameScan, NEW_SCAN, scanFrames } from '#connector/socket/frame-scan.ts';
import { frameBytes, OPCODE } from '#test/support/hostile/websocket-frame.ts';

const { text, continuation, ping } = OPCODE;
const scanAll = (chunks: readonly Buffer[]): FrameScan => chunks.reduce(scanFrames, NEW_SCAN);

it.each([
  ['nothing at all', [], false],
  ['a whole text', [frameBytes(text, 'x'.repeat(70_000))], false],
  ['the first fragment', [frameBytes(text, 'x', { fin: false })], true],
  ['a ping inside of it', [frameBytes(text, 'x', { fin: false }), frameBytes(ping, 'y')], true],
  ['one more fragment', [frameBytes(text, 'x', { fin: false }), frameBytes(continuation, '', { fin: false })], true],
  ['the last fragment', [frameBytes(text, 'x', { fin: false }), frameBytes(continuation, 'y')], false],
  ['half of a text', [frameBytes(text, 'x'.repeat(300)).subarray(0, 100)], false],
  ['half of a header', [frameBytes(text, 'x'.repeat(300)).subarray(0, 3)], false],
  ['more bytes than a number can say', [frameBytes(text, 'x', { claimedBytes: 2n ** 64n - 1n })], false],
])('after %s', (_what, frames, isUnfinished) => {
  expect(scanAll(frames).isUnfinished).toBe(isUnfinished);
});

const anyFrame = fc
  .record({
    opcode: fc.constantFrom(text, continuation, ping),
    fin: fc.boolean(),
    bytes: fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536),
  })
  .map(({ opcode, fin, bytes }) => ({ opcode, fin, frame: frameBytes(opcode, Buffer.alloc(bytes, 0x81), { fin }) }));

it('however TCP cuts the frames into pieces, what it says of them is the same', () => {
  fc.assert(
    fc.property(
      fc.array(anyFrame, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 30 }),
      (frames, sizes) => {
        const bytes = Buffer.concat(frames.map(({ frame }) => frame));
        const chunks: Buffer[] = [];
        for (let at = 0, n = 0; at < bytes.length; n += 1) {
          const size = sizes[n % sizes.length] ?? 1;
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        const last = frames.findLast(({ opcode }) => opcode !== ping);
        const { isUnfinished, skipBytes, header } = scanAll(chunks);
        expect([isUnfinished, skipBytes, header.length]).toEqual([last !== undefined && !last.fin, 0, 0]);
      },
    ),
    { numRuns: 200 },
  );
});

it('nothing of what has come is kept in memory, for which thousands of sockets would pay', () => {
  const whole = frameBytes(text, 'x'.repeat(70_000));
  expect(scanFrames(NEW_SCAN, whole)).toBe(NEW_SCAN);
  const withHalfAHeader = Buffer.concat([whole, frameBytes(text, 'x'.repeat(300)).subarray(0, 3)]);
  const { header } = scanFrames(NEW_SCAN, withHalfAHeader);
  expect(header).toHaveLength(3);
  expect(header.buffer).not.toBe(withHalfAHeader.buffer);
});
