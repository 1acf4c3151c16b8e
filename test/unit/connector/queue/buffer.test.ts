import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventBuffer, type QueueEntry } from '#connector/queue/buffer.ts';
import { BufferBound } from '#connector/queue/buffer-bound.ts';

const entry = (name: string, bytes: number, offeredAtMs = 0, isSentAgain = false): QueueEntry => ({
  fenceField: 'c/u',
  generation: 1,
  mark: { buckets: [], field: 'f', spread: 0, ttlSeconds: 1 },
  settled: undefined,
  urgent: false,
  isSentAgain,
  lane: 0,
  payload: name,
  bytes,
  offeredAtMs,
});
const fillOf = (bound: BufferBound, ageMs: number) => {
  const { age, once } = bound.load(ageMs);
  return { bytes: once.fill, age };
};
const front = (buffer: EventBuffer, maxCount: number, maxBytes: number): QueueEntry[] => {
  const batch: QueueEntry[] = [];
  expect(buffer.front(batch, maxCount, maxBytes)).toBe(batch.length);
  return batch;
};
const ageMs = (buffer: EventBuffer, nowMs: number): number => Math.max(0, nowMs - buffer.headAtMs);
const names = (entries: readonly QueueEntry[]): string[] => entries.map(({ payload }) => payload);

describe('the buffer', () => {
  it('accepts no more bytes than it may hold, and keeps what it has', () => {
    const bound = new BufferBound({ maxBytes: 100, maxAgeMs: 1_000 });
    const buffer = new EventBuffer(bound);
    expect([buffer.push(entry('a', 60)), buffer.push(entry('b', 50)), buffer.push(entry('c', 40))]).toEqual([
      true,
      false,
      true,
    ]);
    expect(names(front(buffer, 50, 1_000))).toEqual(['a', 'c']);
    expect(bound.bytes).toBe(100);
  });

  it('hands out batches bounded by number and bytes, but always one', () => {
    const bound = new BufferBound({ maxBytes: 1_000, maxAgeMs: 1_000 });
    const buffer = new EventBuffer(bound);
    for (const name of ['a', 'b', 'c']) buffer.push(entry(name, 100));
    expect(names(front(buffer, 2, 1_000))).toEqual(['a', 'b']);
    expect(names(front(buffer, 50, 250))).toEqual(['a', 'b']);
    expect(names(front(buffer, 50, 10))).toEqual(['a']);
    const batch = [entry('before', 1)];
    expect([buffer.front(batch, 2, 250), names(batch)]).toEqual([1, ['before', 'a']]);
    expect([buffer.front(batch, 50, 10), batch.length]).toEqual([0, 2]);
  });

  it('says how full it is by each of its two limits', () => {
    const bound = new BufferBound({ maxBytes: 100, maxAgeMs: 1_000 });
    const buffer = new EventBuffer(bound);
    expect(fillOf(bound, ageMs(buffer, 5_000))).toEqual({ bytes: 0, age: 0 });
    buffer.push(entry('a', 60, 5_000));
    expect(fillOf(bound, ageMs(buffer, 5_700))).toEqual({ bytes: 0.6, age: 0.7 });
  });

  it('gives out what is too old, from the front only', () => {
    const bound = new BufferBound({ maxBytes: 1_000, maxAgeMs: 1_000 });
    const buffer = new EventBuffer(bound);
    for (const [name, atMs] of [
      ['a', 10],
      ['b', 20],
      ['c', 30],
    ] as const)
      buffer.push(entry(name, 1, atMs));
    expect(names(buffer.expire(30))).toEqual(['a', 'b']);
    expect([names(front(buffer, 50, 99)), bound.bytes]).toEqual([['c'], 1]);
    expect(names(buffer.expire(Number.POSITIVE_INFINITY))).toEqual(['c']);
    expect([buffer.length, bound.bytes]).toEqual([0, 0]);
  });

  it('knows the age of the oldest event that Slack sends only once, whatever stands before it', () => {
    const bound = new BufferBound({ maxBytes: 1_000, maxAgeMs: 1_000 });
    const buffer = new EventBuffer(bound);
    expect(buffer.onceAgeMs(100)).toBe(0);
    buffer.push(entry('again', 1, 10, true));
    expect([ageMs(buffer, 100), buffer.onceAgeMs(100)]).toEqual([90, 0]);
    buffer.push(entry('once', 1, 40));
    buffer.push(entry('again too', 1, 50, true));
    expect([ageMs(buffer, 100), buffer.onceAgeMs(100)]).toEqual([90, 60]);
    const batch = front(buffer, 2, 100);
    buffer.release(2, batch.slice(1));
    expect([ageMs(buffer, 100), buffer.onceAgeMs(100)]).toEqual([60, 60]);
    buffer.release(1);
    expect([ageMs(buffer, 100), buffer.onceAgeMs(100)]).toEqual([50, 0]);
  });

  it('keeps order, count and bytes through any sequence of offers and partly taken batches', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 400 }) }),
      fc.record({ take: fc.integer({ min: 1, max: 50 }), kept: fc.func(fc.boolean()) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const bound = new BufferBound({ maxBytes: 1e9, maxAgeMs: 1 });
        const buffer = new EventBuffer(bound);
        let model: QueueEntry[] = [];
        let serial = 0;
        for (const each of steps) {
          if ('push' in each) {
            for (let n = 0; n < each.push; n++) {
              const next = entry(String(serial), 1 + (serial % 7), serial, serial % 3 !== 0);
              serial += 1;
              buffer.push(next);
              model.push(next);
            }
          } else {
            const batch = front(buffer, each.take, 1e9);
            expect(names(batch)).toEqual(names(model.slice(0, each.take)));
            const keep = batch.filter((one) => each.kept(one.payload));
            buffer.release(batch.length, keep);
            model = [...keep, ...model.slice(batch.length)];
          }
          expect(buffer.length).toBe(model.length);
          const once = model.find(({ isSentAgain }) => !isSentAgain);
          expect(buffer.onceAgeMs(1e6)).toBe(once === undefined ? 0 : 1e6 - once.offeredAtMs);
          expect(bound.bytes).toBe(model.reduce((sum, { bytes }) => sum + bytes, 0));
        }
        expect(names(front(buffer, 1e9, 1e9))).toEqual(names(model));
      }),
    );
  });
});
